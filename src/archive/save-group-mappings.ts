/**
 * Saves group mappings as OMERO.biomero does: into every file that holds them, `group-mappings.json` last, because it
 * wins; where there is no file yet, into a new one of that name. What else stands in the files stays. Readers see the
 * old or the new mappings, never a part of them.
 */
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { StorageConfig } from '../config/config.ts';
import { bridgeError, describeError } from '../domain/errors.ts';
import { transaction, type Pool } from '../lib/database.ts';
import { takeFileLock } from '../lib/file-lock.ts';
import { asciiJson, indentOf, setJsonMember } from '../lib/json-member.ts';
import { replaceFile } from '../lib/replace-file.ts';
import { checkGroupMappings, type MappingFinding } from './check-group-mappings.ts';
import {
  changeMappings,
  mergeMappings,
  readMappingFiles,
  revisionOf,
  type GroupMapping,
  type MappingChange,
  type MappingFile,
} from './group-mappings.ts';
import { ownGid, ownUid } from './storage-error.ts';

export interface SaveOptions {
  /** What `mappingsRevision` said when the mappings were shown: the save is refused when they changed since. */
  revision?: string;
  /** Two groups may have one folder, or one inside the other. */
  allowShared?: boolean;
  /** Locks through the database too, which programs on other machines and in other containers see. */
  db?: Pool;
  /** How long another save is waited for; milliseconds. */
  waitMs?: number;
}

export interface SavedGroupMappings {
  mappings: Map<string, GroupMapping>;
  revision: string;
  /** Files that were written. */
  written: string[];
  /** What an admin should know though the mappings hold, such as a file that was written in place. */
  notes: string[];
  /** What is to say about the saved mappings, of these and other groups. */
  findings: MappingFinding[];
}

/**
 * Makes changes to the mappings, one group each; others stay as they are. Every role uses them from its next look on.
 * Only changed mappings must be sound: what is wrong with others does not hinder.
 *
 * Throws GROUP_MAPPING_REFUSED, GROUP_MAPPINGS_CHANGED, GROUP_MAPPINGS_BUSY, GROUP_MAPPINGS_NOT_SAVED,
 * GROUP_MAPPINGS_INVALID (a file that cannot be understood is never overwritten) and STORAGE_BASE_MISSING.
 */
export async function saveGroupMappings(
  storage: Pick<StorageConfig, 'baseDir' | 'mappingFiles'>,
  changes: readonly MappingChange[],
  options: SaveOptions = {},
): Promise<SavedGroupMappings> {
  const save = (): Promise<SavedGroupMappings> => changeFiles(storage, changes, options);
  const { db } = options;
  if (!db) return withFileLock(storage.mappingFiles, options, save);
  return transaction(db, async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(hashtext('biomero-bridge group mappings'))`);
    return withFileLock(storage.mappingFiles, options, save);
  });
}

async function changeFiles(
  storage: Pick<StorageConfig, 'baseDir' | 'mappingFiles'>,
  changes: readonly MappingChange[],
  options: SaveOptions,
): Promise<SavedGroupMappings> {
  const files = await readMappingFiles(storage.mappingFiles);
  if (options.revision !== undefined && options.revision !== revisionOf(files))
    throw bridgeError('GROUP_MAPPINGS_CHANGED', {});
  for (const change of changes) requireSound(change);
  const wanted = changeMappings(mergeMappings(files), changes);
  refuse(await checkGroupMappings(storage, wanted), changes, options.allowShared ?? false);

  const { written, notes } = await writeFiles(files, changes, entriesOf(files, wanted));
  const saved = await readMappingFiles(storage.mappingFiles);
  const mappings = mergeMappings(saved);
  return {
    mappings,
    revision: revisionOf(saved),
    written,
    notes,
    findings: await checkGroupMappings(storage, mappings),
  };
}

function requireSound({ groupId, groupName, folder }: MappingChange): void {
  const refused = (reason: string, remedy: string): Error =>
    bridgeError('GROUP_MAPPING_REFUSED', { group: groupName, folder: folder ?? '', reason, remedy });
  if (!Number.isSafeInteger(groupId) || groupId < 0)
    throw refused(`${groupId} is no group id`, "Give the group's id in OMERO.");
  if (folder !== null && groupName.trim() === '')
    throw refused('the group has no name', "Give the group's name in OMERO.");
}

function refuse(findings: readonly MappingFinding[], changes: readonly MappingChange[], allowShared: boolean): void {
  const changed = new Set(changes.filter((c) => c.folder !== null).map((c) => String(c.groupId)));
  const first = findings.find((f) => {
    const overlap = f.kind === 'shared' || f.kind === 'nested';
    // The group that is inside another, or the one around it, may be the changed one.
    const concerned = changed.has(f.key) || (overlap && f.other !== null && changed.has(f.other));
    return concerned && (f.level === 'error' || (overlap && !allowShared));
  });
  if (first)
    throw bridgeError('GROUP_MAPPING_REFUSED', {
      group: first.groupName,
      folder: first.folder,
      reason: first.reason,
      remedy: first.remedy,
    });
}

/** Entries as they are to stand in the files, with what else the present ones hold. */
function entriesOf(files: readonly MappingFile[], wanted: Map<string, GroupMapping>): Record<string, object> {
  const entries: Record<string, object> = {};
  for (const [key, { folder, groupName }] of wanted) {
    const present = files.findLast((file) => Object.hasOwn(file.entries, key))?.entries[key];
    entries[key] = { ...(present as object | undefined), folder, groupName };
  }
  return entries;
}

async function writeFiles(
  files: readonly MappingFile[],
  changes: readonly MappingChange[],
  entries: Record<string, object>,
): Promise<{ written: string[]; notes: string[] }> {
  const present = files.filter((file) => file.text !== null);
  const last = files.at(-1);
  const written: MappingFile[] = [];
  const notes: string[] = [];
  const put = async (file: MappingFile): Promise<void> => {
    const { way, backup } = await replaceFile(file.path, textWith(file, entries, file === last));
    written.push(file);
    if (way === 'in place')
      notes.push(`${file.path} could not be replaced and was written in place; what stood there is in ${backup}.`);
  };
  try {
    // The file that wins comes last: until it is written, nothing has changed for groups that it names.
    for (const file of present)
      await put(file).catch((error: unknown) => {
        if (file === last || holdsRemoved(file, changes)) throw notSaved(file, error);
        notes.push(
          `${file.path} could not be written (${describeError(error)}); a program that reads only this file does not see the change.`,
        );
      });
    if (written.length === 0 && last && last.text === null)
      await put(last).catch((error: unknown) => {
        throw notSaved(last, error);
      });
  } catch (error) {
    for (const { path, text } of written) if (text !== null) await replaceFile(path, text);
    throw error;
  }
  return { written: written.map((file) => file.path), notes };
}

/** Then the mapping would come back from this file. */
function holdsRemoved(file: MappingFile, changes: readonly MappingChange[]): boolean {
  return changes.some((c) => c.folder === null && file.mappings.some((m) => m.key === String(c.groupId)));
}

function textWith(file: MappingFile, entries: Record<string, object>, dedicated: boolean): string {
  const text = (file.text ?? '').replace(/^\uFEFF/, '');
  const indent = indentOf(text);
  const others = Object.entries(file.entries).filter(([key]) => !/^\d/.test(key));
  // A file without mappings gets the form that is read there; what else it holds must not pass for a mapping.
  const settings = others.some(([, value]) => typeof value === 'object');
  const bare = file.form === 'bare' || (file.form === 'without' && dedicated && !settings);
  if (bare) return `${asciiJson({ ...Object.fromEntries(others), ...entries }, indent)}\n`;
  return setJsonMember(text || '{}\n', 'group_mappings', asciiJson(entries, indent).replaceAll('\n', `\n${indent}`));
}

function notSaved({ path }: MappingFile, error: unknown): Error {
  const params = { file: path, reason: describeError(error), uid: ownUid(), gid: ownGid() };
  return bridgeError('GROUP_MAPPINGS_NOT_SAVED', params, { cause: error });
}

async function withFileLock<T>(files: readonly string[], options: SaveOptions, work: () => Promise<T>): Promise<T> {
  const file = files.at(-1) ?? '';
  const deadline = Date.now() + (options.waitMs ?? 10_000);
  for (;;) {
    const lock = await takeLock(file);
    if ('release' in lock)
      try {
        return await work();
      } finally {
        await lock.release();
      }
    if (Date.now() > deadline) throw bridgeError('GROUP_MAPPINGS_BUSY', { file, pid: lock.heldBy.pid });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Beside the file; where nothing can be made there, in the folder for temporary files, under a name of that path. */
async function takeLock(file: string): ReturnType<typeof takeFileLock> {
  try {
    return await takeFileLock(join(dirname(file), `.${basename(file)}.lock`));
  } catch (error) {
    if (!['ENOENT', 'EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    const name = createHash('sha256').update(file).digest('hex').slice(0, 16);
    return takeFileLock(join(tmpdir(), `biomero-bridge-mappings-${name}.lock`));
  }
}
