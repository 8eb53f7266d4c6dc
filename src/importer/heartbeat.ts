import { hostname } from 'node:os';
import type { Database } from '../lib/database.ts';

/** Says that this importer lives, and what it is doing. */
export async function writeHeartbeat(db: Database, name: string, detail: Record<string, unknown>): Promise<void> {
  await db.query(
    `insert into bridge.heartbeats (name, role, host, pid, detail) values ($1, 'importer', $2, $3, $4)
     on conflict (name) do update set at = clock_timestamp(), detail = excluded.detail`,
    [name, hostname(), process.pid, detail],
  );
}

/** Each process beats under a name of its own: those of long ago are of no use any more. */
export async function deleteOldHeartbeats(db: Database): Promise<void> {
  await db.query(`delete from bridge.heartbeats where role = 'importer' and at < clock_timestamp() - interval '1 day'`);
}

/** An importer that ended in order is not one that fell silent. */
export async function deleteHeartbeat(db: Database, name: string): Promise<void> {
  await db.query('delete from bridge.heartbeats where name = $1', [name]);
}
