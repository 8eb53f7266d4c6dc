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
export async function insertFiles(db: Database, uuid: string, paths: string[]): Promise<void> {
  await db.query(
    `insert into bridge.order_files (order_uuid, path, position, state)
     select $1, f.path, f.position, 'waiting' from unnest($2::text[]) with ordinality as f(path, position)
     on conflict (order_uuid, path) do nothing`,
    [uuid, [...new Set(paths)]],
  );
}

/** Stores results and rings the channel of orders. */
export async function updateFiles(db: Database, uuid: string, results: FileResult[]): Promise<void> {
  for (const r of results)
    await db.query(
      `update bridge.order_files set state = $3, fileset_id = $4, image_ids = $5, plate_ids = $6, error = $7,
         updated_at = clock_timestamp()
       where order_uuid = $1 and path = $2`,
      [uuid, r.path, r.state, r.filesetId, r.imageIds, r.plateIds, r.error],
    );
  await db.query(`select pg_notify('bridge_orders', $1)`, [uuid]);
}
