import { stages } from '../domain/vocabulary.ts';
import type { Database } from '../lib/database.ts';
import { fileResults, type FileResult } from './file-results.ts';
import { holderOf, type OrderSummary } from './list-orders.ts';
import { rowTime } from './row-time.ts';

/** Everything that is known about one order. */
export interface OrderHistory {
  uuid: string;
  group: string;
  user: string;
  destination: string;
  run: string | null;
  archive: string | null;
  retryOf: string | null;
  retriedBy: string[];
  holder: OrderSummary['holder'];
  rows: { stage: string; at: Date | null; description: string | null; ours: boolean }[];
  trouble: { code: string | null; reason: string; failures: number; nextAt: Date } | null;
  people: { at: Date; who: string; action: string; reason: string | null }[];
  /** Results per file; without them the paths that the order lists. */
  files: FileResult[];
}

/** Null when there is no such order. */
export async function readOrderHistory(db: Database, uuid: string): Promise<OrderHistory | null> {
  const { rows } = await db.query<{
    group_name: string;
    user_name: string;
    destination: string;
    stage: string;
    at: Date | null;
    description: string | null;
    files: string | null;
    ours: boolean;
  }>(
    `select left(group_name, 200) as group_name, left(user_name, 200) as user_name,
       left(destination_type, 80) || ' ' || left(destination_id, 80) as destination, i.stage,
       ${rowTime('"timestamp"')} as at,
       description, case when i.stage = $2 then left(files, 10000000) end as files, s.row_id is not null as ours
     from imports i left join bridge.order_stages s on s.row_id = i.id where i.uuid = $1 order by i.id`,
    [uuid, stages.pending],
  );
  const first = rows[0];
  if (!first) return null;
  const { rows: links } = await db.query<{
    run_id: string | null;
    archive_path: string | null;
    retry_of: string | null;
  }>('select run_id, archive_path, retry_of from bridge.order_links where order_uuid = $1', [uuid]);
  const { rows: retries } = await db.query<{ order_uuid: string }>(
    'select order_uuid from bridge.order_links where retry_of = $1 order by placed_at',
    [uuid],
  );
  const { rows: leases } = await db.query<{ holder: string }>(
    'select holder from bridge.leases where resource = $1 and expires_at > clock_timestamp()',
    [`order:${uuid}`],
  );
  const { rows: attempts } = await db.query<{ code: string | null; reason: string; failures: number; nextAt: Date }>(
    'select code, reason, failures, next_at as "nextAt" from bridge.order_attempts where order_uuid = $1',
    [uuid],
  );
  const { rows: people } = await db.query<{ at: Date; who: string; action: string; reason: string | null }>(
    'select at, who, action, reason from bridge.order_audit where order_uuid = $1 order by id',
    [uuid],
  );
  const results = await fileResults(db, uuid);
  return {
    uuid,
    group: first.group_name,
    user: first.user_name,
    destination: first.destination,
    run: links[0]?.run_id ?? null,
    archive: links[0]?.archive_path ?? null,
    retryOf: links[0]?.retry_of ?? null,
    retriedBy: retries.map((r) => r.order_uuid),
    holder: holderOf(leases[0]?.holder ?? null),
    rows: rows.map(({ stage, at, description, ours }) => ({ stage, at, description, ours })),
    trouble: attempts[0] ?? null,
    people,
    files: results.length ? results : listed(first.files),
  };
}

function listed(files: string | null): FileResult[] {
  try {
    const paths: unknown = JSON.parse(files ?? '[]');
    if (!Array.isArray(paths)) return [];
    return paths.map((path) => ({
      path: String(path),
      state: 'waiting',
      filesetId: null,
      imageIds: [],
      plateIds: [],
      error: null,
    }));
  } catch {
    // The order itself says what is wrong with its list when it is imported.
    return [];
  }
}
