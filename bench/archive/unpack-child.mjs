// Unpacks a zip with the built product: CRC-32, SHA-256 and manifest; a process of its own, so that its memory is its own.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { manifestName, writeManifest } from '../../dist/src/archive/manifest.js';
import { unpackZip } from '../../dist/src/archive/unpack.js';

const [zip, folder] = process.argv.slice(2);
const started = performance.now();
const files = await unpackZip(zip, folder);
await writeFile(join(folder, manifestName), writeManifest(files));
const seconds = (performance.now() - started) / 1000;
process.stdout.write(
  JSON.stringify({ seconds, files: files.length, peakBytes: process.resourceUsage().maxRSS * 1024 }),
);
