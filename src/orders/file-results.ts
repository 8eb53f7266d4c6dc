import { printable } from '../domain/errors.ts';
import type { Database } from '../lib/database.ts';

/** What became of one file of an order. */
export interface FileResult {
  path: string;
  state: 'waiting' | 'imported' | 'already-there' | 'failed';
  filesetId: number | null;
  imageIds: number[];
  plateIds: number[];
  error: string | null;
}

/** Results per file, in the order's own sequence. Empty for an order that another kind of importer took. */
export async function fileResults(db: Database, uuid: string): Promise<FileResult[]> {
  const { rows } = await db.query<{
    path: string;
    state: FileResult['state'];
    fileset_id: number | null;
    image_ids: string[];
    plate_ids: string[];
    error: string | null;
  }>(
    `select path, state, fileset_id, image_ids, plate_ids, error from bridge.order_files where order_uuid = $1
     order by position`,
    [uuid],
  );
  return rows.map((r) => ({
    path: r.path,
    state: r.state,
    filesetId: r.fileset_id,
    imageIds: r.image_ids.map(Number),
    plateIds: r.plate_ids.map(Number),
    error: r.error,
  }));
}

/** Lists an order's files as waiting; those that have a result keep it. */
export async function insertFiles(db: Database, uuid: string, paths: readonly string[]): Promise<void> {
  await db.query('select bridge.list_files($1, $2)', [uuid, [...new Set(paths)]]);
}

/** Stores results, all in one statement, and rings the channel of orders. */
export async function updateFiles(db: Database, uuid: string, results: readonly FileResult[]): Promise<void> {
  if (results.length === 0) return;
  await db.query('select bridge.write_files($1, $2)', [uuid, JSON.stringify(storableResults(results))]);
  await db.query(`select pg_notify('bridge_orders', $1)`, [uuid]);
}

/** As the functions of the database take them. */
export function storableResults(results: readonly FileResult[]): FileResult[] {
  return results.map((r) => ({ ...r, error: r.error === null ? null : printable(r.error).toWellFormed() }));
}

export interface RecentImport {
  readonly path: string;
  readonly filesetId: number;
  readonly imageIds: number[];
}

/** Files that importers of ours imported last, the newest first, each once. */
export async function recentImports(db: Database, most: number): Promise<RecentImport[]> {
  const { rows } = await db.query<{ path: string; fileset_id: number; image_ids: string[] | number[] }>(
    `select path, fileset_id, image_ids from (
       select distinct on (path) path, fileset_id, image_ids, updated_at from bridge.order_files
       where state in ('imported', 'already-there') and fileset_id is not null order by path, updated_at desc) as newest
     order by updated_at desc limit $1`,
    [most],
  );
  return rows.map((r) => ({ path: r.path, filesetId: r.fileset_id, imageIds: r.image_ids.map(Number) }));
}
