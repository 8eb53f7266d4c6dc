/**
 * Names of archives: `<group folder>/.analyzed/<workflow uuid>/<YYYYMMDD_HHMMSS>`, and of the staging folder beside it in
 * which one is built, `.<stamp>.<task uuid>.partial`. A stamp is reserved by its staging folder; a final name is never
 * made before it is complete.
 */
import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bridgeError } from '../domain/errors.ts';
import { Landing } from './landing.ts';
import { belongsToTask, provenanceName } from './provenance.ts';
import { storageError } from './storage-error.ts';

export const archivesFolder = '.analyzed';

export interface ArchivePlace {
  /** `<group folder>/.analyzed/<workflow uuid>` */
  parent: string;
  staging: string;
  final: string;
}

/** The paths of one archive; refuses ids and stamps that are not what they should be (ARCHIVE_ID_INVALID). */
export function archivePlace(basePath: string, workflowId: string, taskId: string, stamp: string): ArchivePlace {
  check('stamp', stamp, /^\d{8}_\d{6}$/);
  const parent = parentFolder(basePath, workflowId);
  return { parent, staging: join(parent, stagingName(stamp, taskId)), final: join(parent, stamp) };
}

/**
 * Reserves a stamp for a task's archive: the local time `now`, or the next second that is not taken by an archive or by
 * another task. A task that has reserved one already, before a crash, gets it again, unless somebody else took that name.
 */
export async function freeStamp(
  basePath: string,
  workflowId: string,
  taskId: string,
  now: Date,
  landing = new Landing(),
): Promise<string> {
  const parent = parentFolder(basePath, workflowId);
  const own = stagingName('', taskId);
  try {
    await makeParent(parent, landing);
    for (let seconds = 0; ; seconds++) {
      const names = await landing.names(parent);
      const earlier = names.find((name) => isStaging(name) && name.endsWith(own.slice(1)));
      if (earlier && !names.includes(stampOf(earlier))) return stampOf(earlier);
      if (earlier && (await isArchiveOf(join(parent, stampOf(earlier)), taskId))) return stampOf(earlier);
      // Somebody else got that name while ours was built: begun anew under another one.
      if (earlier) await rm(join(parent, earlier), { recursive: true, force: true });
      const stamp = formatStamp(new Date(now.getTime() + seconds * 1000));
      if (isTaken(names, stamp)) continue;
      const staging = join(parent, stagingName(stamp, taskId));
      await landing.makeFolder(staging);
      // Two tasks may have looked at the same moment; then both see each other now, and none keeps the second.
      const others = (await landing.names(parent)).filter((name) => name !== stagingName(stamp, taskId));
      if (!isTaken(others, stamp)) return stamp;
      await landing.removeEmpty(staging);
      seconds += Math.floor(Math.random() * 3);
    }
  } catch (error) {
    throw await storageError(error, parent);
  }
}

/**
 * Makes `.analyzed` and the workflow's folder in it, but never the group folder: where that is missing, a mount may be,
 * and what is written in its place would be out of sight once it is back.
 */
export async function makeParent(parent: string, landing: Landing): Promise<void> {
  for (const folder of [dirname(parent), parent]) await landing.makeFolder(folder);
}

async function isArchiveOf(folder: string, taskId: string): Promise<boolean> {
  return belongsToTask(await readFile(join(folder, provenanceName), 'utf8').catch(() => ''), taskId);
}

function isTaken(names: string[], stamp: string): boolean {
  return names.some((name) => name === stamp || (isStaging(name) && stampOf(name) === stamp));
}

function isStaging(name: string): boolean {
  return /^\.\d{8}_\d{6}\.[0-9a-f-]{36}\.partial$/.test(name);
}

function stampOf(staging: string): string {
  return staging.slice(1, 16);
}

/** `YYYYMMDD_HHMMSS` in the worker's local time, as the specification has it. */
export function formatStamp(time: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  return (
    `${String(time.getFullYear()).padStart(4, '0')}${two(time.getMonth() + 1)}${two(time.getDate())}_` +
    `${two(time.getHours())}${two(time.getMinutes())}${two(time.getSeconds())}`
  );
}

function stagingName(stamp: string, taskId: string): string {
  check('task id', taskId, uuidForm);
  return `.${stamp}.${taskId.toLowerCase()}.partial`;
}

function parentFolder(basePath: string, workflowId: string): string {
  check('workflow id', workflowId, uuidForm);
  check('group folder', basePath, /^\/[^\0]*$/);
  return join(basePath, archivesFolder, workflowId);
}

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function check(what: string, value: string, form: RegExp): void {
  if (!form.test(value)) throw bridgeError('ARCHIVE_ID_INVALID', { what, value });
}
