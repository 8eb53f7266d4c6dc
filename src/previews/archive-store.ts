import type { AbsolutePath, AsyncReadable, RangeQuery } from 'zarrita';
import { openBelow } from '../archive/open-below.ts';
import { NoPreview } from './plane.ts';

/** Of one chunk or metadata file no more than this is read. */
const mostBytes = 256 << 20;

/** The files of a zarr folder, read below it and nowhere else. */
export class ArchiveStore implements AsyncReadable {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  get(key: AbsolutePath): Promise<Uint8Array | undefined> {
    return this.#read(key, (size) => ({ offset: 0, length: size }));
  }

  getRange(key: AbsolutePath, range: RangeQuery): Promise<Uint8Array | undefined> {
    return this.#read(key, (size) =>
      'suffixLength' in range
        ? { offset: Math.max(0, size - range.suffixLength), length: Math.min(size, range.suffixLength) }
        : { offset: range.offset, length: Math.min(range.length, Math.max(0, size - range.offset)) },
    );
  }

  async #read(
    key: AbsolutePath,
    rangeOf: (size: number) => { offset: number; length: number },
  ): Promise<Uint8Array | undefined> {
    const file = await openBelow(this.#root, key.slice(1)).catch((error: NodeJS.ErrnoException) => {
      // A chunk that is not there is one of fill values.
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
      throw error;
    });
    if (!file) return undefined;
    try {
      const { offset, length } = rangeOf((await file.stat()).size);
      if (length > mostBytes) throw new NoPreview(`its part ${key} is too large`);
      const bytes = new Uint8Array(length);
      const { bytesRead } = await file.read(bytes, 0, length, offset);
      return bytes.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }
}
