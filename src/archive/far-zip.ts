/**
 * The zip that the cluster makes of a job's results, beside `data/out` there. What stands in the staging folder beside
 * its beginning tells the next attempt, in whatever process, which zip it was: only that one is taken up again.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../domain/errors.ts';
import { incomplete, type FarFolder, type FarList } from './far-folder.ts';
import type { FarTools } from './far-tools.ts';
import { storageError } from './storage-error.ts';
import type { TransferOptions } from './transfer.ts';

/** As BIOMERO's `slurm_zip_cmd`, which the cluster's shell reads. */
const defaultZipCommand = '$(command -v 7z || command -v 7za)';

export interface FarZip {
  /** Where it lies there. */
  path: string;
  bytes: number;
  /** As the cluster computed it; null where it cannot. */
  sha256: string | null;
}

interface Note {
  name: string;
  /** Of the results that it was made of. */
  results: string;
  /** Absent while it is being made. */
  zip?: { bytes: number; sha256: string | null };
}

const noteName = '.zip-there.json';

/** What an attempt leaves in the staging folder for the next one. */
export function zipLeavings(jobId: number): string[] {
  return [`${jobId}_out.zip`, noteName];
}

/** The zip of exactly these results: the one that an earlier attempt began to fetch, else a new one. */
export async function findOrMakeZip(
  o: TransferOptions,
  folder: FarFolder,
  tools: FarTools,
  list: FarList,
): Promise<FarZip> {
  const results = digestOf(list);
  const note = await readNote(o);
  if (note?.zip && note.results === results && (await sizeThere(folder, note.name, o.signal)) === note.zip.bytes)
    return { path: pathOf(folder, note.name), ...note.zip };
  if (note) await removeThere(o, pathOf(folder, note.name));
  for (const name of zipLeavings(o.jobId)) await rm(join(o.staging, name), { recursive: true, force: true });
  const name = `.${o.jobId}_out.${randomBytes(6).toString('hex')}.zip`;
  await writeNote(o, { name, results });
  await makeZip(o, folder, name);
  const zip = await describeZip(folder, name, tools, o.signal);
  await writeNote(o, { name, results, zip });
  return { path: pathOf(folder, name), ...zip };
}

/** Removes the zip there, and the note of it: it is not needed any more, or not to be trusted. */
export async function forgetZip(o: TransferOptions, zip: FarZip): Promise<void> {
  await removeThere(o, zip.path);
  await rm(join(o.staging, noteName), { force: true });
}

async function removeThere(o: TransferOptions, path: string): Promise<void> {
  // 7-Zip builds under the second name.
  await o.transport.exec(['rm', '-f', '--', path, `${path}.tmp`]).catch((error: unknown) => {
    o.log.warn({ file: path, error: describeError(error) }, 'the zip made on the cluster could not be removed');
  });
}

async function makeZip(o: TransferOptions, folder: FarFolder, name: string): Promise<void> {
  const script = `cd -- "$1" && exec ${o.settings?.zipCommand || defaultZipCommand} a -y "../$2" -tzip .`;
  const made = folder.transport.stream(['sh', '-c', script, 'sh', folder.path, name], { signal: o.signal });
  let said = '';
  for await (const part of made.stdout as AsyncIterable<Buffer>) said = (said + part.toString('utf8')).slice(-1000);
  const { code, stderr } = await made.finished;
  if (code === 0 && !o.signal.aborted) return;
  await removeThere(o, pathOf(folder, name));
  o.signal.throwIfAborted();
  throw incomplete(folder, `making the zip there failed (exit ${code}): ${(stderr.trim() || said).slice(-500)}`);
}

async function describeZip(
  folder: FarFolder,
  name: string,
  tools: FarTools,
  signal: AbortSignal,
): Promise<{ bytes: number; sha256: string | null }> {
  const bytes = await sizeThere(folder, name, signal);
  if (bytes === null) throw incomplete(folder, 'the zip made there cannot be found');
  if (!tools.sha256sum) return { bytes, sha256: null };
  // Hours are not too long for a zip of terabytes.
  const argv = ['sha256sum', '--', pathOf(folder, name)];
  const sum = await folder.transport.exec(argv, { signal, timeoutMs: 12 * 3600 * 1000 });
  return { bytes, sha256: /^[0-9a-f]{64}/.exec(sum.stdout)?.[0] ?? null };
}

async function sizeThere(folder: FarFolder, name: string, signal: AbortSignal): Promise<number | null> {
  const { stdout } = await folder.transport.exec(['ls', '-ldn', '--', pathOf(folder, name)], { signal });
  const bytes = /^-\S* +\d+ +\d+ +\d+ +(\d+) /.exec(stdout)?.[1];
  return bytes === undefined ? null : Number(bytes);
}

function pathOf(folder: FarFolder, name: string): string {
  return `${folder.path.slice(0, -'/out'.length)}/${name}`;
}

/** Changes with every name, size and time in the list. */
function digestOf(list: FarList): string {
  const hash = createHash('sha256');
  for (const path of [...list.files.keys()].sort()) {
    const file = list.files.get(path);
    hash.update(`${path}\0${file?.bytes}\0${file?.changed}\n`);
  }
  for (const path of [...list.folders].sort()) hash.update(`${path}/\0\n`);
  return hash.digest('hex');
}

async function writeNote(o: TransferOptions, note: Note): Promise<void> {
  const path = join(o.staging, noteName);
  await writeFile(path, JSON.stringify(note)).catch(async (error: unknown) => {
    throw await storageError(error, path);
  });
}

/** The note of an earlier attempt; null when there is none, or one that was cut off, or that names other files. */
async function readNote(o: TransferOptions): Promise<Note | null> {
  const text = await readFile(join(o.staging, noteName), 'utf8').catch(() => '');
  let note: Partial<Note> | null;
  try {
    note = JSON.parse(text) as Partial<Note> | null;
  } catch {
    return null;
  }
  const { name, results, zip } = note ?? {};
  if (typeof results !== 'string' || typeof name !== 'string') return null;
  // Only ever a name that we gave: it is removed there.
  if (!new RegExp(`^\\.${o.jobId}_out\\.[0-9a-f]{12}\\.zip$`).test(name)) return null;
  if (!zip || !Number.isSafeInteger(zip.bytes)) return { name, results };
  return { name, results, zip: { bytes: zip.bytes, sha256: zip.sha256 } };
}
