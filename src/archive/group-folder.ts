/**
 * Where a group's data lie: its mapping, else `<base_dir>/<group name>`. Worker, importer, web and checks ask here, and
 * nobody else looks at mappings to find a folder. Nothing outside `base_dir` is ever returned,
 * neither by the spelling of a name nor through a link.
 */
import { lstat, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, sep } from 'node:path';
import type { StorageConfig } from '../config/config.ts';
import { bridgeError, describeError } from '../domain/errors.ts';
import { readGroupMappings, type GroupMapping } from './group-mappings.ts';

export interface GroupFolder {
  path: string;
  source: 'mapping' | 'fallback';
}

/**
 * Resolves a group's folder. A mapping is found by group id, then by exact name. The mapped folder must exist; the
 * fallback folder may be made later (`checkWritable`). Throws GROUP_FOLDER_…, GROUP_MAPPING… and STORAGE_BASE_MISSING.
 */
export async function resolveGroupFolder(
  storage: StorageConfig,
  group: { id: number | null; name: string },
): Promise<GroupFolder> {
  const base = storage.baseDir;
  const mappings = await readGroupMappings(storage.mappingFiles);
  const mapping = mappingOf(mappings, group);
  const folder = mapping?.folder ?? group.name;
  const refusal = mapping ? refuseFolder(folder) : refuseGroupName(folder);
  if (refusal !== null) throw bridgeError('GROUP_FOLDER_OUTSIDE', { group: group.name, folder, reason: refusal, base });
  const path = join(base, folder);
  if (!mapping) refuseForeign(path, base, group.name, mappings);
  await checkRealPath(base, folder, group.name, mapping !== null);
  return { path, source: mapping ? 'mapping' : 'fallback' };
}

function mappingOf(
  mappings: Map<string, GroupMapping>,
  group: { id: number | null; name: string },
): GroupMapping | null {
  const byId = group.id === null ? undefined : mappings.get(String(group.id));
  if (byId) return byId;
  const named = [...mappings.values()].filter((m) => m.groupName === group.name);
  if (new Set(named.map((m) => trimSlash(m.folder))).size > 1)
    throw bridgeError('GROUP_MAPPING_AMBIGUOUS', { group: group.name, keys: named.map((m) => m.key).join(', ') });
  return named[0] ?? null;
}

/** Why a mapped folder cannot be used; null when it can. Pure. */
export function refuseFolder(folder: string): string | null {
  if (folder === 'root')
    return 'the web editor offers "root" for the whole storage, which would let the group write into every other one';
  if (isAbsolute(folder)) return 'it is an absolute path';
  const parts = trimSlash(folder).split('/');
  for (const part of parts) {
    const reason = refusePart(part);
    if (reason !== null) return reason;
  }
  return Buffer.byteLength(folder) > 1024 ? 'it is longer than 1024 bytes' : null;
}

/** Why a group's name cannot name its folder; null when it can. Pure. */
export function refuseGroupName(name: string): string | null {
  return name.includes('/') ? 'the name of the group holds a "/"' : refusePart(name);
}

function refusePart(part: string): string | null {
  if (part.trim() === '') return 'a name in it is empty';
  if (part === '.' || part === '..') return `it holds "${part}"`;
  if (part.toLowerCase() === '.analyzed') return '".analyzed" is the name of the archives inside a group folder';
  if (part.includes('\\')) return 'it holds a backslash';
  if (!part.isWellFormed()) return 'it is not valid Unicode';
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(part)) return 'it holds a control character';
  if (Buffer.byteLength(part) > 255) return 'a name in it is longer than 255 bytes';
  return null;
}

/** An unmapped group must not land in what was given to another one just because the names are equal. */
function refuseForeign(path: string, base: string, group: string, mappings: Map<string, GroupMapping>): void {
  for (const other of mappings.values())
    if (refuseFolder(other.folder) === null && join(base, trimSlash(other.folder)) === path)
      throw bridgeError('GROUP_FOLDER_TAKEN', { group, path, other: other.groupName });
}

async function checkRealPath(baseDir: string, folder: string, group: string, mapped: boolean): Promise<void> {
  const base = await realBase(baseDir);
  const found = await lookAtFolder(baseDir, base, folder);
  if (found.state === 'there') return;
  const path = join(baseDir, folder);
  if (found.state === 'outside')
    throw bridgeError('GROUP_FOLDER_OUTSIDE', {
      group,
      folder: path,
      reason: `it leads to ${found.real}`,
      base: baseDir,
    });
  // The folder of an unmapped group is made later; a link that leads nowhere is in its way.
  if (!mapped && isErrorCode(found.cause, 'ENOENT') && !(await isThere(path))) return;
  throw bridgeError(
    'GROUP_FOLDER_MISSING',
    { group, path, base: baseDir, reason: found.reason },
    { cause: found.cause },
  );
}

/** The storage with links followed. Throws STORAGE_BASE_MISSING. */
export async function realBase(base: string): Promise<string> {
  try {
    const real = await realpath(base);
    if (!isAbsolute(base) || !(await stat(real)).isDirectory()) throw new Error('it is not a folder');
    return real;
  } catch (error) {
    throw bridgeError('STORAGE_BASE_MISSING', { base, reason: describeError(error) }, { cause: error });
  }
}

export type FolderState =
  | { readonly state: 'there'; readonly real: string }
  | { readonly state: 'outside'; readonly real: string }
  | { readonly state: 'missing' | 'not-a-folder'; readonly reason: string; readonly cause: unknown };

/** Where a folder of the storage, not refused by its spelling, really lies. */
export async function lookAtFolder(baseDir: string, base: string, folder: string): Promise<FolderState> {
  let real: string;
  try {
    real = await realpath(join(baseDir, folder));
    if (!(await stat(real)).isDirectory())
      return { state: 'not-a-folder', reason: 'it is not a folder', cause: undefined };
  } catch (cause) {
    return { state: 'missing', reason: describeError(cause), cause };
  }
  return { state: real.startsWith(base === sep ? sep : base + sep) ? 'there' : 'outside', real };
}

function isErrorCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === code;
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** A folder's name without the slash that may end it. */
export function trimSlash(folder: string): string {
  return folder.endsWith('/') ? folder.slice(0, -1) : folder;
}
