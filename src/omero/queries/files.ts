/** Files that hang on objects: up and down in chunks, each checked by its checksum. */
import { createHash } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { bridgeError } from '../../domain/errors.ts';
import type { IceObject } from '../ice/values.ts';
import type { OmeroLink } from '../link.ts';
import { newObject, reference } from '../model.ts';
import { rlong, rstring, unwrap } from '../rtypes.ts';
import { withService, type Ask } from '../stateful.ts';
import { annotationLinks, type AnnotatedType, type AnnotationTarget } from './annotations.ts';
import { deleteObjects } from './deletion.ts';
import { numberAt, project, projectEach, textAt } from './project.ts';

export interface LocalFile {
  readonly path: string;
  /** As people see it in OMERO. */
  readonly name: string;
  /** Media type, such as `text/csv`. */
  readonly mimetype: string;
  readonly ns: string;
  /** What people read beside the name. */
  readonly description?: string;
}

export interface AttachedFile {
  readonly targetId: number;
  readonly annotationId: number;
  readonly ns: string;
  readonly fileId: number;
  readonly name: string;
  /** Bytes; null for a file whose upload never ended. */
  readonly size: number | null;
  /** Hexadecimal, by whichever algorithm the file was uploaded with; empty when unknown. */
  readonly hash: string;
}

const filesById = 'select a.id, o.id, o.name, o.size, o.hash from FileAnnotation a join a.file o where a.id in (:ids)';
const checksumOf = 'select o.name, o.size, o.hash, h.value from OriginalFile o left join o.hasher h where o.id = :id';
const scriptsByName =
  'select o.id, o.path, o.name from OriginalFile o where o.name in (:names) and o.mimetype = :mimetype order by o.id';

/** Well below the largest message of OMERO's default settings. */
const chunkBytes = 4 << 20;
const sha1 = 'SHA1-160';
/** OMERO's names of those checksums that can be computed here; of others, only the size is compared. */
const algorithms: ReadonlyMap<string, string> = new Map([
  [sha1, 'sha1'],
  ['MD5-128', 'md5'],
]);

/** The files that hang on targets of one type, by annotation id. */
export async function attachedFiles(
  link: OmeroLink,
  type: AnnotatedType,
  ids: readonly number[],
): Promise<AttachedFile[]> {
  const links = await annotationLinks(link, type, ids);
  const annotationIds = links.map((row) => numberAt(row, 1));
  const rows = await projectEach(link, filesById, 'ids', annotationIds);
  const files = new Map(rows.map((row) => [numberAt(row, 0), row]));
  return links.flatMap((row) => {
    const file = files.get(numberAt(row, 1));
    if (!file) return [];
    const about = { targetId: numberAt(row, 0), annotationId: numberAt(row, 1), ns: textAt(row, 2) };
    const size = file[3] === null ? null : numberAt(file, 3);
    return [{ ...about, fileId: numberAt(file, 1), name: textAt(file, 2), size, hash: textAt(file, 4) }];
  });
}

/**
 * Uploads a file and attaches it, unless a file of the same name, namespace and content hangs there already. When it
 * fails on the way, what it made is deleted again.
 *
 * @throws OMERO_FILE_DAMAGED, errors of reading the file, and the errors of any call
 */
export async function attachFile(
  link: OmeroLink,
  groupId: number,
  target: AnnotationTarget,
  { path, name, mimetype, ns, description }: LocalFile,
): Promise<{ fileId: number }> {
  const file = await open(path, 'r');
  try {
    const { size, hash } = await digest(file);
    const there = await attachedFiles(link, target.type, [target.id]);
    const same = there.find((f) => f.ns === ns && f.name === name && f.size === size && f.hash === hash);
    if (same) return { fileId: same.fileId };

    const about = { name: rstring(name), path: rstring(''), mimetype: rstring(mimetype), size: rlong(size) };
    const hasher = newObject('ChecksumAlgorithm', { value: rstring(sha1) });
    const original = newObject('OriginalFile', { ...about, hasher });
    const options = { group: groupId };
    const [fileId = -1] = (await link.call('IUpdate', 'saveAndReturnIds', [[original]], options)) as number[];
    try {
      const stored = await upload(link, groupId, fileId, file);
      if (stored !== hash)
        throw bridgeError('OMERO_FILE_DAMAGED', { name, reason: `SHA-1 ${hash} here, ${stored} in OMERO` });
      const child = newObject('FileAnnotation', {
        ns: rstring(ns),
        file: reference('OriginalFile', fileId),
        ...(description !== undefined && { description: rstring(description) }),
      });
      const attached = newObject(`${target.type}AnnotationLink`, { parent: reference(target.type, target.id), child });
      await link.call('IUpdate', 'saveAndReturnIds', [[attached]], options);
      return { fileId };
    } catch (error) {
      // Of a file that hangs on nothing nobody would know.
      await deleteObjects(link, groupId, 'OriginalFile', [fileId]).catch(() => undefined);
      throw error;
    }
  } finally {
    await file.close();
  }
}

/**
 * Copies a file of OMERO's to a path where nothing is yet, for its owner alone to read.
 *
 * @throws OMERO_OBJECT_GONE, OMERO_FILE_DAMAGED, errors of writing the file, and the errors of any call
 */
export async function downloadFile(link: OmeroLink, groupId: number, fileId: number, path: string): Promise<void> {
  const expected = await fileChecksum(link, fileId);
  if (!expected)
    throw bridgeError('OMERO_OBJECT_GONE', { operation: 'a download', reason: `there is no file ${fileId} to read` });
  const file = await open(path, 'wx', 0o600);
  try {
    const algorithm = algorithms.get(expected.hasher);
    const hash = createHash(algorithm ?? 'sha1');
    const size = await withStore(link, groupId, 'downloading a file', async (ask) => {
      await ask('setFileId', [fileId]);
      const total = Number(await ask('size', []));
      let at = 0;
      while (at < total) {
        const bytes = (await ask('read', [at, Math.min(chunkBytes, total - at)])) as Uint8Array;
        if (bytes.length === 0) break;
        hash.update(bytes);
        await file.writeFile(bytes);
        at += bytes.length;
      }
      return at;
    });
    const { name } = expected;
    if (expected.size !== null && size !== expected.size)
      throw bridgeError('OMERO_FILE_DAMAGED', { name, reason: `${size} of ${expected.size} bytes came` });
    const came = hash.digest('hex');
    if (algorithm && expected.hash !== '' && came !== expected.hash)
      throw bridgeError('OMERO_FILE_DAMAGED', {
        name,
        reason: `${expected.hasher} ${expected.hash} in OMERO, ${came} here`,
      });
    await file.close();
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    throw error;
  }
}

/** What OMERO knows of a file's content, or null when the user sees no such file. */
export async function fileChecksum(
  link: OmeroLink,
  fileId: number,
): Promise<{ name: string; size: number | null; hash: string; hasher: string } | null> {
  const [row] = await project(link, checksumOf, { id: fileId });
  if (!row) return null;
  const size = row[1] === null ? null : numberAt(row, 1);
  return { name: textAt(row, 0), size, hash: textAt(row, 2), hasher: textAt(row, 3) };
}

/** Sends a file's content; resolves with its SHA-1 as OMERO computed it from what it has stored. */
async function upload(link: OmeroLink, groupId: number, fileId: number, file: FileHandle): Promise<string> {
  return withStore(link, groupId, 'uploading a file', async (ask) => {
    await ask('setFileId', [fileId]);
    for await (const { bytes, at } of chunks(file)) await ask('write', [bytes, at, bytes.length]);
    const saved = (await ask('save', [])) as IceObject | null;
    return String(unwrap(saved?.['hash']) ?? '');
  });
}

/** Works with a file store of its own. */
function withStore<T>(link: OmeroLink, group: number, operation: string, work: (ask: Ask) => Promise<T>): Promise<T> {
  return withService(link, { create: 'createRawFileStore', iface: 'RawFileStore' }, { group, operation }, work);
}

async function digest(file: FileHandle): Promise<{ size: number; hash: string }> {
  const hash = createHash('sha1');
  let size = 0;
  for await (const { bytes } of chunks(file)) {
    hash.update(bytes);
    size += bytes.length;
  }
  return { size, hash: hash.digest('hex') };
}

async function* chunks(file: FileHandle): AsyncGenerator<{ bytes: Uint8Array; at: number }> {
  for (let at = 0; ;) {
    const { bytesRead, buffer } = await file.read(new Uint8Array(chunkBytes), 0, chunkBytes, at);
    if (bytesRead === 0) return;
    yield { bytes: buffer.subarray(0, bytesRead), at };
    at += bytesRead;
  }
}

/** Scripts of the server with these names, each with its folder there. */
export async function scriptsNamed(
  link: OmeroLink,
  names: readonly string[],
): Promise<{ id: number; path: string; name: string }[]> {
  const rows = await projectEach(link, scriptsByName, 'names', names, { mimetype: 'text/x-python' });
  return rows.map((row) => ({ id: numberAt(row, 0), path: textAt(row, 1), name: textAt(row, 2) }));
}
