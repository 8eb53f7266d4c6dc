import type { Database } from '../lib/database.ts';
import type { ViewSources } from './read-view.ts';

/** What a person did. */
export interface AuditEntry {
  at: Date;
  who: string;
  action: string;
  /** What it was done to, where it was a run or an upload order. */
  run: string | null;
  order: string | null;
  reason: string | null;
}

interface AuditRow extends AuditEntry {
  /** `at` to the microsecond. */
  exact: string;
  [column: string]: unknown;
}

const columns = `at, at::text as exact, who, action, reason`;

/**
 * What people did, newest first, of both databases. `before` is the `next` of the page before.
 *
 * @param text found in the name of the person, the action or the reason
 */
export async function readAudit(
  { runs, orders }: ViewSources,
  { text, before, limit }: { text: string | null; before: string | null; limit: number },
): Promise<{ entries: AuditEntry[]; next: string | null }> {
  const values = [text, before, limit + 1];
  const where = `($1::text is null or strpos(lower(who || ' ' || action || ' ' || coalesce(reason, '')), lower($1)) > 0)
    and ($2::timestamptz is null or at < $2::timestamptz) order by at desc limit $3`;
  const read = async (db: Database, what: string): Promise<AuditRow[]> =>
    (await db.query<AuditRow>(`select ${columns}, ${what} where ${where}`, values)).rows;
  const found = await Promise.all([
    read(runs, 'run_id as run, null as "order" from bridge.audit'),
    read(orders, 'null as run, order_uuid as "order" from bridge.order_audit'),
  ]);
  const rows = found.flat().sort((a, b) => b.at.getTime() - a.at.getTime() || (a.exact < b.exact ? 1 : -1));
  const page = rows.slice(0, limit);
  return {
    entries: page.map(({ at, who, action, run, order, reason }) => ({ at, who, action, run, order, reason })),
    next: rows.length > limit ? (page.at(-1)?.exact ?? null) : null,
  };
}
