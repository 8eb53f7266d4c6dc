import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse } from 'csv-parse/sync';
import type { FileResult } from '../orders/file-results.ts';
import type { OmeroSession } from '../omero/session.ts';
import type { ImportOrder } from './parse-order.ts';

/** A metadata file beyond this size is not one that BIOMERO writes. */
const largestMetadata = 1024 * 1024;

/** A file's result with what is noted on its images beside the usual. */
export interface AnnotatedResult {
  readonly result: FileResult;
  readonly pairs?: readonly [string, string][];
  /** A further folder whose `metadata.csv` counts. */
  readonly folder?: string;
}

/**
 * Notes on every image or plate where it came from, with the namespace and keys of the Python importer. Images that
 * have this order's annotation already are skipped. The order's whole list of files is not copied onto each image.
 */
export async function annotateImages(
  session: OmeroSession,
  namespace: string,
  order: ImportOrder,
  results: readonly AnnotatedResult[],
  archiveRoot: string | null,
): Promise<void> {
  const metadata = new Map<string, Promise<[string, string][]>>();
  for (const { result, pairs = [], folder: more = null } of results) {
    if (result.state !== 'imported' && result.state !== 'already-there') continue;
    const targets =
      order.destination.type === 'Screen'
        ? result.plateIds.map((id) => ({ type: 'Plate' as const, id }))
        : result.imageIds.map((id) => ({ type: 'Image' as const, id }));
    const folder = dirname(result.path);
    const nearest = metadata.get(folder) ?? readNearestMetadata(folder, archiveRoot);
    metadata.set(folder, nearest);
    const besideOutput = more === null ? [] : await readNearestMetadata(more, null);
    await session.annotate(
      targets,
      namespace,
      [
        ['UUID', order.uuid],
        ['Filepath', result.path],
        ['Group', order.group],
        ['Username', order.user],
        ['DestinationID', String(order.destination.id)],
        ['DestinationType', order.destination.type],
        ...pairs,
        ['Import_Timestamp', new Date().toISOString()],
        ...[...new Map([...(await nearest), ...besideOutput])].map(([key, value]): [string, string] => [
          `csv_${key}`,
          value,
        ]),
      ],
      { key: 'UUID' },
    );
  }
}

/** Rows of the first `metadata.csv` from a file's folder up to the archive's root. None is no error. */
export async function readNearestMetadata(folder: string, root: string | null): Promise<[string, string][]> {
  for (let at = folder; ; at = dirname(at)) {
    const text = await readMetadata(join(at, 'metadata.csv'));
    if (text !== null) return parseMetadata(text);
    // Files of other producers have no archive: only their own folder is looked at.
    if (root === null || at === root || at === dirname(at)) return [];
  }
}

/**
 * Null: there is none. The folder is its users' to write in: a link, which may lead to what they may not read, a pipe that
 * would be waited for, and a file without end count as empty ones.
 */
async function readMetadata(path: string): Promise<string | null> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    if (error.code === 'ELOOP') return 'a link';
    throw error;
  });
  if (file === null) return null;
  if (file === 'a link') return '';
  try {
    const about = await file.stat();
    return about.isFile() && about.size <= largestMetadata ? await file.readFile('utf8') : '';
  } finally {
    await file.close();
  }
}

/** Two columns without a header; other lines are passed over, and a file that is no CSV at all says nothing. */
function parseMetadata(text: string): [string, string][] {
  let rows: string[][];
  try {
    rows = parse(text, { relax_column_count: true, relax_quotes: true, bom: true, skip_empty_lines: true });
  } catch {
    return [];
  }
  const pairs = rows.flatMap((row): [string, string][] => (row.length === 2 && row[0] ? [[row[0], row[1] ?? '']] : []));
  // Of a key that comes twice the last value counts, as in Python.
  return [...new Map(pairs)];
}
