import { stages } from '../domain/vocabulary.ts';
import type { LeaseHolder } from '../lib/lease.ts';
import type { Pool } from '../lib/database.ts';
import type { ImporterParts } from './import-order.ts';
import { OrderJournal } from './order-journal.ts';
import { endPredecessor } from './predecessor.ts';

/** Of these orders those that are closed. */
export async function closedAmong(pool: Pool, uuids: readonly string[]): Promise<string[]> {
  if (!uuids.length) return [];
  const { rows } = await pool.query<{ uuid: string }>(
    'select distinct uuid from imports where uuid = any($1) and stage = any($2)',
    [uuids, [stages.completed, stages.failed]],
  );
  return rows.map((r) => r.uuid);
}

/**
 * Ends imports that go on although their order is closed and nobody works on it: it was cancelled while its importer
 * was dead or paused. An open order's import is ended by whoever takes the order up.
 */
export async function endLeftovers(
  parts: Pick<ImporterParts, 'pool' | 'omero' | 'log' | 'sinceRow'>,
  leases: LeaseHolder,
  signal: AbortSignal,
): Promise<void> {
  const { rows } = await parts.pool.query<{ uuid: string }>(
    `select s.order_uuid as uuid from bridge.import_sessions s
     where exists (select from imports i where i.uuid = s.order_uuid and i.stage = any($1))
       and not exists (select from bridge.leases l
         where l.resource = 'order:' || s.order_uuid and l.expires_at > clock_timestamp())
     limit 20`,
    [[stages.completed, stages.failed]],
  );
  for (const { uuid } of rows) {
    const lease = await leases.acquire(`order:${uuid}`);
    if (!lease) continue;
    try {
      const journal = new OrderJournal(parts.pool, lease, uuid, parts.sinceRow);
      await endPredecessor(parts, journal, await parts.omero.admin(), [], { waitMs: 0, signal });
      parts.log.info({ order: uuid }, 'the import of an order that is closed has been ended');
    } finally {
      await lease.release();
    }
  }
}
