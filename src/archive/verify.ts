/** Whether an archive is what its manifest and its zip say. Needs nothing but the folder. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import yauzl from 'yauzl';
import { describeError } from '../domain/errors.ts';
import { InFlight } from '../lib/in-flight.ts';
import { showName } from './entry-name.ts';
import { hashFile, HashThreads, type FileHash, type HashResult } from './hash-files.ts';
import { manifestName, readManifest, type ManifestLine } from './manifest.ts';
import { walkFiles } from './walk.ts';

export interface Difference {
  /** `zip`: tree and zip differ. `unverifiable`: nothing can be said, such as without a manifest. */
  kind: 'missing' | 'extra' | 'changed' | 'unreadable' | 'zip' | 'unverifiable';
  /** Relative to the archive; empty for the archive itself. */
  path: string;
  /** What follows the name in a sentence. */
  detail: string;
  /** The archive's own zip, itself as it was made, that still has the file. */
  inZip?: string;
}

export interface Verification {
  /** `unverifiable`: it may be whole, but that cannot be found out. */
  state: 'intact' | 'damaged' | 'unverifiable';
  /** Files and bytes that were read and compared. */
  files: number;
  bytes: number;
  differences: Difference[];
}

export interface VerifyOptions {
  /** Called with what was read so far and how many files the manifest names. */
  onProgress?: (progress: { files: number; filesTotal: number; bytes: number }) => void;
  signal?: AbortSignal;
}

/** Up to this many files no threads are started for. */
const fewFiles = 64;
const batchFiles = 64;
const batchBytes = 32 * 1024 * 1024;

/**
 * Reads every file of an archive again and compares it with the manifest, and the tree with the directory of the zip.
 * The zip's own bytes are in the manifest, so names, sizes and CRC-32 of its directory tell whether the tree is what was
 * in it.
 */
export async function compareArchive(path: string, options: VerifyOptions = {}): Promise<Verification> {
  let lines: ManifestLine[];
  try {
    lines = readManifest(await readFile(join(path, manifestName), 'utf8'));
  } catch (error) {
    const detail = `cannot be read: ${describeError(error)}`;
    const differences: Difference[] = [{ kind: 'unverifiable', path: manifestName, detail }];
    return { state: 'unverifiable', files: 0, bytes: 0, differences };
  }
  const comparison = new Comparison(path, lines, options);
  await comparison.readTree();
  for (const line of lines)
    if (/^[^/]+_out\.zip$/.test(line.path) && comparison.found.has(line.path)) await comparison.readZip(line.path);
  return comparison.result();
}

/** As sentences. */
export async function verifyArchive(path: string): Promise<{ ok: boolean; problems: string[] }> {
  const { state, differences } = await compareArchive(path);
  return { ok: state === 'intact', problems: differences.map(differenceSentence) };
}

export function differenceSentence({ path, detail }: Difference): string {
  return `${path === '' ? 'the archive' : showName(path)} ${detail}`;
}

class Comparison {
  readonly found = new Map<string, { crc32: number; bytes: number }>();
  readonly #path: string;
  readonly #expected: Map<string, string>;
  readonly #total: number;
  readonly #options: VerifyOptions;
  readonly #differences: Difference[] = [];
  #bytes = 0;
  #files = 0;

  constructor(path: string, lines: readonly ManifestLine[], options: VerifyOptions) {
    this.#path = path;
    this.#expected = new Map(lines.map((line) => [line.path, line.sha256]));
    this.#total = lines.length;
    this.#options = options;
  }

  async readTree(): Promise<void> {
    const threads = this.#total > fewFiles ? new HashThreads() : null;
    const reading = new InFlight(threads?.width ?? 4);
    let batch: string[] = [];
    let bytes = 0;
    const send = async (): Promise<void> => {
      const paths = batch;
      [batch, bytes] = [[], 0];
      if (paths.length) await reading.add(() => this.#hash(paths, threads));
    };
    try {
      for await (const file of walkFiles(this.#path)) {
        this.#options.signal?.throwIfAborted();
        if (file.path === manifestName) continue;
        if (!file.regular) this.#expected.delete(file.path);
        if (!file.regular) this.#differ('changed', file.path, 'is not a regular file');
        else if (!this.#expected.has(file.path)) this.#differ('extra', file.path, 'is not in the manifest');
        else {
          batch.push(file.path);
          bytes += file.bytes;
          if (!threads || batch.length >= batchFiles || bytes >= batchBytes) await send();
        }
      }
      await send();
      await reading.settle();
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      this.#differ('unreadable', '', `cannot be read: ${describeError(error)}`);
      return;
    } finally {
      await reading.settle().catch(() => undefined);
      await threads?.close();
    }
    for (const missing of this.#expected.keys()) this.#differ('missing', missing, 'is missing');
  }

  async #hash(paths: readonly string[], threads: HashThreads | null): Promise<void> {
    const absolute = paths.map((path) => join(this.#path, path));
    const results: HashResult[] = threads
      ? await threads.hash(absolute)
      : await Promise.all(absolute.map((path) => hashFile(path).catch((e: unknown) => ({ error: describeError(e) }))));
    paths.forEach((path, i) => this.#compare(path, results[i] ?? { error: 'it was not read' }));
    this.#options.onProgress?.({ files: this.#files, filesTotal: this.#total, bytes: this.#bytes });
  }

  #compare(path: string, result: HashResult): void {
    const expected = this.#expected.get(path);
    this.#expected.delete(path);
    if ('error' in result) return this.#differ('unreadable', path, `cannot be read: ${result.error}`);
    this.#files++;
    this.#bytes += result.bytes;
    this.found.set(path, { crc32: result.crc32, bytes: result.bytes });
    if (result.sha256 !== expected) this.#differ('changed', path, changed(result));
  }

  /** Compares the zip's directory with the tree, entry by entry. */
  async readZip(zipPath: string): Promise<void> {
    const out = `${zipPath.slice(0, -'.zip'.length)}/`;
    const told = new Map(this.#differences.map((d) => [d.path, d]));
    const packed = new Set<string>();
    try {
      const zip = await yauzl.openPromise(join(this.#path, zipPath), { lazyEntries: true, autoClose: false });
      try {
        for await (const entry of zip.eachEntry()) {
          if (entry.fileName.endsWith('/')) continue;
          const path = treePath(out, entry.fileName);
          packed.add(path);
          const known = told.get(path);
          const file = this.found.get(path);
          if (known && !told.has(zipPath)) known.inZip = zipPath;
          if (known) continue;
          if (!file) this.#differ('zip', path, `is in ${zipPath}, but not beside it`);
          else if (file.bytes !== entry.uncompressedSize || file.crc32 !== entry.crc32)
            this.#differ('zip', path, `differs from the one in ${zipPath}`);
        }
      } finally {
        zip.close();
      }
    } catch (error) {
      // A zip that has changed cannot be expected to be readable.
      if (!told.has(zipPath)) this.#differ('zip', zipPath, `cannot be read as a zip: ${describeError(error)}`);
      return;
    }
    for (const path of this.found.keys())
      if (path.startsWith(`${out}data/`) && !packed.has(path) && !told.has(path))
        this.#differ('zip', path, `is not in ${zipPath}`);
  }

  #differ(kind: Difference['kind'], path: string, detail: string): void {
    this.#differences.push({ kind, path, detail });
  }

  result(): Verification {
    const differences = this.#differences.sort((a, b) => (a.path < b.path ? -1 : 1));
    return {
      state: differences.length === 0 ? 'intact' : 'damaged',
      files: this.#files,
      bytes: this.#bytes,
      differences,
    };
  }
}

/** Where an entry lies in the tree: our zips hold `data/out/…`; those that were made on the cluster may lie flat. */
function treePath(out: string, entry: string): string {
  const name = entry.replace(/^\.\//, '');
  return out + (name.startsWith('data/out/') ? name : `data/out/${name}`);
}

function changed(found: FileHash): string {
  return `has changed: its SHA-256 is ${found.sha256}`;
}
