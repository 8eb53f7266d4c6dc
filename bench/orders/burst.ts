import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { stages } from '../../src/domain/vocabulary.ts';
import type { Pool } from '../../src/lib/database.ts';

/** Inserts a pending row for each list of files, as any producer does, in one statement; gives their uuids. */
export async function insertOrders(
  pool: Pool,
  lists: readonly (readonly string[])[],
  o: { notify?: boolean } = {},
): Promise<string[]> {
  const uuids = lists.map(() => randomUUID());
  await pool.query(
    `insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, "timestamp", files, file_names)
     select 'g', 'alice', '1', 'Dataset', $2, u, clock_timestamp(), f, '[]' from unnest($1::text[], $3::text[]) o(u, f)`,
    [uuids, stages.pending, lists.map((files) => JSON.stringify(files))],
  );
  if (o.notify) await pool.query(`select pg_notify('bridge_orders', $1)`, [uuids[0]]);
  return uuids;
}

/**
 * Waits until as many orders are closed; gives the seconds from the first insert to the last terminal row, by the
 * database's clock, or null when they are not in time. It looks seldom and at little, to take nothing from those that are
 * measured.
 */
export async function untilClosed(pool: Pool, uuids: readonly string[], withinMs: number): Promise<number | null> {
  const { rows } = await pool.query<{ first: number; from: Date }>(
    'select min(id) as first, min("timestamp") as from from imports where uuid = any($1)',
    [uuids],
  );
  const { first, from } = rows[0] ?? { first: 0, from: new Date() };
  const terminal = [stages.completed, stages.failed];
  for (const began = performance.now(); performance.now() - began < withinMs; await sleep(400)) {
    const { rows: found } = await pool.query<{ n: number; seconds: number }>(
      `select count(*)::int as n, extract(epoch from max("timestamp") - $3)::float8 as seconds
       from imports where id > $1 and stage = any($2)`,
      [first, terminal, from],
    );
    // Counted exactly by `wronglyEnded`: an order closed twice would make up for one that is not.
    if (found[0] && found[0].n >= uuids.length) return found[0].seconds;
  }
  return null;
}

/** Seconds from insert to `Import Started`, of each order. */
export async function startLatencies(pool: Pool, uuids: readonly string[]): Promise<number[]> {
  const { rows } = await pool.query<{ seconds: number }>(
    `select extract(epoch from min(s."timestamp") - min(p."timestamp"))::float8 as seconds
     from imports p join imports s on s.uuid = p.uuid and s.stage = $3
     where p.uuid = any($1) and p.stage = $2 group by p.uuid`,
    [uuids, stages.pending, stages.started],
  );
  return rows.map((r) => r.seconds);
}

/** Orders that were never closed, or more than once. */
export async function wronglyEnded(
  pool: Pool,
  uuids: readonly string[],
): Promise<{ lost: number; failed: number; twice: number }> {
  const { rows } = await pool.query<{ lost: number; failed: number; twice: number }>(
    `select count(*) filter (where n = 0)::int as lost, count(*) filter (where failed > 0)::int as failed,
       count(*) filter (where n > 1)::int as twice
     from (select u, count(i.id) as n, count(i.id) filter (where i.stage = $3) as failed from unnest($1::text[]) u
       left join imports i on i.uuid = u and i.stage = any($2) group by u) t`,
    [uuids, [stages.completed, stages.failed], stages.failed],
  );
  return rows[0] ?? { lost: -1, failed: -1, twice: -1 };
}

export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN;
}
