/** Thread of `hash-files.ts`: answers a list of paths with their checksums, reading one buffer at a time. */
import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import type { HashResult } from './hash-files.ts';

const buffer = Buffer.allocUnsafe(1024 * 1024);

parentPort?.on('message', (paths: string[]) => {
  parentPort?.postMessage(paths.map(hashOne));
});

function hashOne(path: string): HashResult {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const hash = createHash('sha256');
      let crc = 0;
      let bytes = 0;
      for (;;) {
        const read = readSync(file, buffer);
        if (read === 0) return { sha256: hash.digest('hex'), crc32: crc, bytes };
        const chunk = buffer.subarray(0, read);
        hash.update(chunk);
        crc = crc32(chunk, crc);
        bytes += read;
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
