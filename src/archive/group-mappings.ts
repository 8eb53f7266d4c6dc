/**
 * Group mappings: which folder of the storage belongs to which OMERO group. Read from the files at every use, so that a
 * change in the web editor holds at once. A file that is not there is fine; one that cannot be understood is an error,
 * because ignoring it would put data into another folder than the one people chose.
 */
import { readFile } from 'node:fs/promises';
import { bridgeError, describeError } from '../domain/errors.ts';

export interface GroupMapping {
  /** OMERO's group id, as text: the key in the file. */
  key: string;
  folder: string;
  groupName: string;
  file: string;
}

/** Mappings of all files, by group id; a later file wins. Throws GROUP_MAPPINGS_INVALID. */
export async function readGroupMappings(files: readonly string[]): Promise<Map<string, GroupMapping>> {
  const merged = new Map<string, GroupMapping>();
  for (const file of files) for (const mapping of await readFileMappings(file)) merged.set(mapping.key, mapping);
  return merged;
}

async function readFileMappings(file: string): Promise<GroupMapping[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw bridgeError('GROUP_MAPPINGS_INVALID', { file, key: 'file', reason: describeError(error) }, { cause: error });
  }
  let content: unknown;
  try {
    content = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw bridgeError('GROUP_MAPPINGS_INVALID', { file, key: 'JSON', reason: describeError(error) }, { cause: error });
  }
  return parseGroupMappings(content, file);
}

/**
 * Reads both forms: `biomero-config.json`, which has them under `group_mappings` beside other settings, and
 * `group-mappings.json`, which is the bare object.
 */
export function parseGroupMappings(content: unknown, file: string): GroupMapping[] {
  const invalid = (key: string, reason: string): Error => bridgeError('GROUP_MAPPINGS_INVALID', { file, key, reason });
  if (!isObject(content)) throw invalid('file', 'it is not a JSON object');
  const wrapped = Object.hasOwn(content, 'group_mappings');
  const mappings = wrapped ? content['group_mappings'] : content;
  if (!isObject(mappings)) throw invalid('group_mappings', 'it is not an object');
  if (!wrapped && !looksBare(mappings)) return [];
  return Object.entries(mappings).map(([key, value]) => {
    if (!/^\d{1,18}$/.test(key)) throw invalid(key, 'the key is not a group id');
    if (!isObject(value)) throw invalid(key, 'the entry is not an object');
    const { folder, groupName } = value;
    if (typeof folder !== 'string' || folder === '') throw invalid(`${key}.folder`, 'it is not a folder name');
    if (typeof groupName !== 'string' || groupName === '') throw invalid(`${key}.groupName`, 'it is not a group name');
    return { key, folder, groupName, file };
  });
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
