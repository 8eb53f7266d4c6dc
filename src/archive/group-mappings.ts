/**
 * Group mappings: which folder of the storage belongs to which OMERO group. Read from the files at every use, so that a
 * change holds at once in every role. A file that is not there is fine; one that cannot be understood is an error,
 * because ignoring it would put data into another folder than the one people chose.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { unreadable } from '../config/problems.ts';
import { bridgeError, describeError } from '../domain/errors.ts';

export interface GroupMapping {
  /** OMERO's group id, as text: the key in the file. */
  key: string;
  folder: string;
  groupName: string;
  file: string;
}

/** One file as it was read. */
export interface MappingFile {
  readonly path: string;
  /** Null when there is no such file. */
  readonly text: string | null;
  /** Its entries as they stand there, by key, among what else is there. */
  readonly entries: Readonly<Record<string, unknown>>;
  /** `wrapped`: under `group_mappings` beside other settings; `bare`: the object itself; `without`: no mappings yet. */
  readonly form: 'wrapped' | 'bare' | 'without';
  readonly mappings: readonly GroupMapping[];
}

/** What becomes of one group's mapping. */
export interface MappingChange {
  groupId: number;
  groupName: string;
  /** Relative to `base_dir`; null: the group has no mapping any more. */
  folder: string | null;
}

/** Mappings of all files, by group id as text; a later file wins. Throws GROUP_MAPPINGS_INVALID. */
export async function readGroupMappings(files: readonly string[]): Promise<Map<string, GroupMapping>> {
  return mergeMappings(await readMappingFiles(files));
}

/** A word that changes when one of the files does: who read at this revision can say so when saving. */
export async function mappingsRevision(files: readonly string[]): Promise<string> {
  return revisionOf(await readMappingFiles(files));
}

/** The files as they are now, in their order. Throws GROUP_MAPPINGS_INVALID. */
export function readMappingFiles(files: readonly string[]): Promise<MappingFile[]> {
  return Promise.all(files.map(readFileMappings));
}

export function revisionOf(files: readonly MappingFile[]): string {
  const hash = createHash('sha256');
  for (const { text } of files) hash.update(text === null ? 'absent\0' : `${text.length}\0${text}`);
  return hash.digest('hex').slice(0, 16);
}

export function mergeMappings(files: readonly MappingFile[]): Map<string, GroupMapping> {
  const merged = new Map<string, GroupMapping>();
  for (const file of files) for (const mapping of file.mappings) merged.set(mapping.key, mapping);
  return merged;
}

/** The mappings with changes made to them. Pure. */
export function changeMappings(
  mappings: ReadonlyMap<string, GroupMapping>,
  changes: readonly MappingChange[],
): Map<string, GroupMapping> {
  const changed = new Map(mappings);
  for (const { groupId, groupName, folder } of changes) {
    const key = String(groupId);
    if (folder === null) changed.delete(key);
    else changed.set(key, { key, folder, groupName, file: changed.get(key)?.file ?? '' });
  }
  return changed;
}

/** A writer that cannot rename writes in place: what it has half written is whole a moment later. */
const triesOfTornText = 4;

async function readFileMappings(path: string): Promise<MappingFile> {
  for (let attempt = 1; ; attempt++) {
    const text = await readText(path);
    if (text === null) return { path, text, entries: {}, form: 'without', mappings: [] };
    try {
      return parseMappingFile(JSON.parse(text.replace(/^\uFEFF/, '')), path, text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      if (attempt < triesOfTornText) {
        await new Promise((resolve) => setTimeout(resolve, 25 * attempt));
        continue;
      }
      const reason = describeError(error);
      throw bridgeError('GROUP_MAPPINGS_INVALID', { file: path, key: 'JSON', reason }, { cause: error });
    }
  }
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'EISDIR' ? `it is ${unreadable(code)}` : describeError(error);
    throw bridgeError('GROUP_MAPPINGS_INVALID', { file, key: 'file', reason }, { cause: error });
  }
}

/**
 * Reads both forms: `biomero-config.json`, which has them under `group_mappings` beside other settings, and
 * `group-mappings.json`, which is the bare object.
 */
export function parseMappingFile(content: unknown, path: string, text: string | null): MappingFile {
  const invalid = (key: string, reason: string): Error =>
    bridgeError('GROUP_MAPPINGS_INVALID', { file: path, key, reason });
  if (!isObject(content)) throw invalid('file', 'it is not a JSON object');
  const wrapped = Object.hasOwn(content, 'group_mappings');
  const entries = wrapped ? content['group_mappings'] : content;
  if (!isObject(entries)) throw invalid('group_mappings', 'it is not an object');
  if (!wrapped && !looksBare(entries)) return { path, text, entries, form: 'without', mappings: [] };
  const mappings = Object.entries(entries).flatMap(([key, value]) => {
    // Such as "$schema"; what looks like an entry must be one.
    if (!/^\d/.test(key) && !isObject(value)) return [];
    if (!/^\d{1,18}$/.test(key)) throw invalid(key, 'the key is not a group id');
    if (!isObject(value)) throw invalid(key, 'the entry is not an object');
    const { folder, groupName } = value;
    if (typeof folder !== 'string' || folder === '') throw invalid(`${key}.folder`, 'it is not a folder name');
    if (typeof groupName !== 'string' || groupName === '') throw invalid(`${key}.groupName`, 'it is not a group name');
    return [{ key, folder, groupName, file: path }];
  });
  return { path, text, entries, form: wrapped ? 'wrapped' : 'bare', mappings };
}

/** Tells a bare map, perhaps a faulty one, from a configuration file that has no mappings. */
function looksBare(content: Record<string, unknown>): boolean {
  return Object.entries(content).some(
    ([key, value]) => /^\d+$/.test(key) || (isObject(value) && ('folder' in value || 'groupName' in value)),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
