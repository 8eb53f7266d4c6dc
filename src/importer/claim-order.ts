import { isDeadHere } from '../lib/lease-owner.ts';
import type { Lease, LeaseHolder } from '../lib/lease.ts';
import { monotonicMs } from '../lib/monotonic.ts';
import type { OrderCalls } from './order-calls.ts';
import type { OrderRow } from './order-rows.ts';

/** An order that is this importer's as long as the lease lasts. */
export interface ClaimedOrder {
  readonly lease: Lease;
  /** What it asks for; null: still to be read. */
  readonly row: OrderRow | null;
  /** It was started with the claim, as `OrderJournal.start` does; null: that is still to be done. */
  readonly started: StartedOrder | null;
}

export interface StartedOrder {
  /** Seconds since the order was placed; null: an earlier attempt had started it. */
  readonly waited: number | null;
  /** The folder that its archive stands in, for orders that we placed. */
  readonly archivePath: string | null;
}

/** As `bridge.claim_orders` answers. */
type Answer =
  | { token?: undefined; holder: string | null }
  | {
      token: number;
      row: OrderRow & { long: boolean };
      started?: { waited: number | null; archive_path: string | null };
    };

/**
 * Takes an order, reads it and, where nothing stands against it, starts it, in one call. Null for an order that is
 * closed or in living hands; those of a process of this machine that is dead are taken over.
 *
 * @param since newest row of `imports` when this importer began
 * @throws the database's error, its `code` BB002 when the order was closed meanwhile, BB003 for another importer's stage
 */
export async function claimOrder(
  calls: OrderCalls,
  leases: LeaseHolder,
  uuid: string,
  since: number,
): Promise<ClaimedOrder | null> {
  const asked = monotonicMs();
  const { holder, ttlMs } = leases.terms;
  const answer = (await calls.call({ do: 'claim', order: uuid, holder, ttl: ttlMs, since })) as Answer | null;
  if (answer === null) return null;
  const resource = `order:${uuid}`;
  if (answer.token === undefined) {
    const lease = answer.holder !== null && isDeadHere(answer.holder) ? await leases.acquire(resource) : null;
    return lease && { lease, row: null, started: null };
  }
  const lease = leases.adopt(resource, answer.token, asked);
  if (!lease) return null;
  const { row, started } = answer;
  return {
    lease,
    row: row.long ? null : row,
    started: started ? { waited: started.waited, archivePath: started.archive_path } : null,
  };
}
