/**
 * Writes one large entry piece by piece, as a file and into a zip, and takes its checksums on the way; by calls that wait,
 * so it belongs on a thread. Deflated pieces stand for themselves, so that each is packed as it deserves.
 */
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { constants, crc32, deflateRawSync } from 'node:zlib';
import { pays } from './zip-pack.ts';

export interface PieceTarget {
  /** Descriptor of the file; null where it holds the data already. */
  file: number | null;
  /** Descriptor of the zip, and where in it the data begin. */
  zip: number;
  at: number;
  deflate: boolean;
}

export interface PiecesDone {
  sha256: string;
  crc: number;
  bytes: number;
  /** As the data lie in the zip. */
  packed: number;
  packedCrc: number;
}

/**
 * Bytes that are hashed and written at a time: they stay in the CPU's cache between. Larger writes also cost the kernel
 * more, up to six times where it has to find pages that belong together.
 */
const sliceBytes = 128 * 1024;

/** An empty last block: what ends a stream of blocks none of which is the last one. */
const lastBlock = Buffer.from([3, 0]);

export class PieceWriter {
  readonly #to: PieceTarget;
  readonly #hash = createHash('sha256');
  #crc = 0;
  #bytes = 0;
  #packed = 0;
  #packedCrc = 0;

  constructor(to: PieceTarget) {
    this.#to = to;
  }

  write(data: Buffer): void {
    for (let at = 0; at < data.length; at += sliceBytes) this.#write(data.subarray(at, at + sliceBytes));
  }

  #write(data: Buffer): void {
    this.#hash.update(data);
    this.#crc = crc32(data, this.#crc);
    if (this.#to.file !== null) writeAll(this.#to.file, data, this.#bytes);
    this.#bytes += data.length;
    if (!this.#to.deflate) return this.#append(data);
    // What does not shrink here goes in blocks that are stored: trying costs more than all the rest.
    const level = pays(data) ? 1 : 0;
    this.#append(deflateRawSync(data, { level, finishFlush: constants.Z_SYNC_FLUSH, chunkSize: 256 * 1024 }));
  }

  end(): PiecesDone {
    if (this.#to.deflate) this.#append(lastBlock);
    const packedCrc = this.#to.deflate ? this.#packedCrc : this.#crc;
    return { sha256: this.#hash.digest('hex'), crc: this.#crc, bytes: this.#bytes, packed: this.#packed, packedCrc };
  }

  #append(data: Buffer): void {
    writeAll(this.#to.zip, data, this.#to.at + this.#packed);
    this.#packed += data.length;
    if (this.#to.deflate) this.#packedCrc = crc32(data, this.#packedCrc);
  }
}

function writeAll(file: number, data: Buffer, at: number): void {
  for (let done = 0; done < data.length;) done += writeSync(file, data, done, data.length - done, at + done);
}
