import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { bridgeError } from '../domain/errors.ts';
import { openPool, type Database, type Pool } from './database.ts';
import { describeOwner, isDeadHere } from './lease-owner.ts';
import { monotonicMs } from './monotonic.ts';
import { startThread } from './own-thread.ts';

/** The right to work on something, for as long as it is renewed. */
export interface Lease {
  readonly resource: string;
  /** Grows with every holder: a write that names it cannot come from an earlier one. */
  readonly token: number;
  /** Aborts when the lease was lost. */
  readonly signal: AbortSignal;
  release(): Promise<void>;
  /** To be called when a transaction of the holder's own has ended the lease. */
  ended(): void;
}

/** Rows of resources that nobody holds any more are removed after this. */
const keptDays = 7;

/**
 * Leases of one process in `bridge.leases`, by the database's clock. A holder that died on this machine is recognised
 * by its process identity, so its leases need not expire first.
 */
export class LeaseHolder {
  readonly #pool: Pool;
  readonly #owner: string;
  readonly #ttlMs: number;
  readonly #thread: Worker;
  readonly #held = new Map<string, { token: number; abort: AbortController }>();
  #failed: Error | null = null;
  /** Leases to be released by the next statement: while one is under way, others gather. */
  #releasing: { resource: string; token: number }[] = [];
  #release: Promise<void> = Promise.resolve();

  private constructor(pool: Pool, holder: string, ttlMs: number, thread: Worker) {
    this.#pool = pool;
    this.#owner = describeOwner(holder);
    this.#ttlMs = ttlMs;
    this.#thread = thread;
    thread.on('message', (message: { lost: string; token: number }) => this.#lost(message.lost, message.token));
    thread.on('error', (error) => {
      this.#failed = error instanceof Error ? error : new Error(String(error));
      for (const [resource, { token }] of [...this.#held]) this.#lost(resource, token);
    });
  }

  /**
   * @param options.holder names this process for people; which process it is, is added here
   * @param options.ttlMs how long a lease outlives its last renewal
   */
  static async open(databaseUrl: string, options: { holder: string; ttlMs?: number }): Promise<LeaseHolder> {
    const ttlMs = options.ttlMs ?? 8_000;
    const thread = startThread('src/lib/lease-thread', { url: databaseUrl, ttlMs });
    await once(thread, 'message');
    const pool = openPool(databaseUrl, { max: 2 });
    await deleteOldLeases(pool).catch(() => undefined);
    return new LeaseHolder(pool, options.holder, ttlMs, thread);
  }

  /**
   * Takes a lease that is free, expired, or held by a process of this machine that is dead; else null. Throws when the
   * database does not answer, or when renewing has failed for good.
   */
  async acquire(resource: string): Promise<Lease | null> {
    if (this.#failed) throw this.#failed;
    if (this.#held.has(resource)) return null;
    const asked = monotonicMs();
    const token = (await this.#take(resource, null)) ?? (await this.#takeFromDead(resource));
    return token === null ? null : this.adopt(resource, token, asked);
  }

  /** Whom a statement that takes leases by itself is to write as their holder, and for how many milliseconds. */
  get terms(): { holder: string; ttlMs: number } {
    return { holder: this.#owner, ttlMs: this.#ttlMs };
  }

  /**
   * Keeps a lease that a statement has taken by itself, on this holder's terms; null when it is held here already.
   *
   * @param asked `monotonicMs` from before that statement was sent
   */
  adopt(resource: string, token: number, asked: number): Lease | null {
    if (this.#failed) throw this.#failed;
    if (this.#held.has(resource)) return null;
    const abort = new AbortController();
    this.#held.set(resource, { token, abort });
    this.#thread.postMessage({ keep: { resource, token, until: asked + this.#ttlMs } });
    return {
      resource,
      token,
      signal: abort.signal,
      release: () => this.#giveBack(resource, token),
      ended: () => void this.#forget(resource, token),
    };
  }

  /** Releases everything and ends the thread. What cannot be released expires by itself. */
  async close(): Promise<void> {
    for (const [resource, { token }] of [...this.#held]) await this.#giveBack(resource, token).catch(() => undefined);
    await this.#thread.terminate();
    await this.#pool.end();
  }

  /** A new row's token is a time: after an old row was removed, it still grows. */
  async #take(resource: string, from: string | null): Promise<number | null> {
    const { rows } = await this.#pool.query<{ token: number }>(
      `insert into bridge.leases as l (resource, holder, token, expires_at)
       values ($1, $2, (extract(epoch from clock_timestamp()) * 1000)::bigint,
         clock_timestamp() + $3 * interval '1 millisecond')
       on conflict (resource) do update
         set holder = excluded.holder, token = greatest(l.token + 1, excluded.token), expires_at = excluded.expires_at
       where l.expires_at <= clock_timestamp() or l.holder = $4
       returning token`,
      [resource, this.#owner, this.#ttlMs, from],
    );
    return rows[0]?.token ?? null;
  }

  async #takeFromDead(resource: string): Promise<number | null> {
    const { rows } = await this.#pool.query<{ holder: string }>(
      'select holder from bridge.leases where resource = $1',
      [resource],
    );
    const holder = rows[0]?.holder;
    return holder !== undefined && isDeadHere(holder) ? this.#take(resource, holder) : null;
  }

  /** True when it was held until now. */
  #forget(resource: string, token: number): boolean {
    if (this.#held.get(resource)?.token !== token) return false;
    this.#held.delete(resource);
    this.#thread.postMessage({ drop: resource });
    return true;
  }

  async #giveBack(resource: string, token: number): Promise<void> {
    if (!this.#forget(resource, token)) return;
    if (this.#releasing.push({ resource, token }) === 1)
      this.#release = this.#release.catch(() => undefined).then(() => this.#releaseGathered());
    await this.#release;
  }

  /** The rows stay: their tokens must go on growing. */
  async #releaseGathered(): Promise<void> {
    const leases = this.#releasing;
    this.#releasing = [];
    await this.#pool.query(
      `update bridge.leases l set expires_at = clock_timestamp()
       from unnest($1::text[], $2::bigint[]) as g(resource, token) where l.resource = g.resource and l.token = g.token`,
      [leases.map((l) => l.resource), leases.map((l) => l.token)],
    );
  }

  #lost(resource: string, token: number): void {
    const lease = this.#held.get(resource);
    if (lease?.token !== token) return;
    this.#held.delete(resource);
    lease.abort.abort(bridgeError('LEASE_LOST', { resource }));
  }
}

/**
 * Fences a write: call it first in the transaction that writes. The row stays locked until the commit, so a successor
 * cannot begin in between.
 *
 * @throws LEASE_LOST
 */
export async function requireLease(tx: Database, lease: Lease): Promise<void> {
  const { rowCount } = lease.signal.aborted
    ? { rowCount: 0 }
    : await tx.query(
        `select 1 from bridge.leases where resource = $1 and token = $2 and expires_at > clock_timestamp() for share`,
        [lease.resource, lease.token],
      );
  if (!rowCount) throw bridgeError('LEASE_LOST', { resource: lease.resource });
}

async function deleteOldLeases(db: Database): Promise<void> {
  await db.query(`delete from bridge.leases where expires_at < clock_timestamp() - $1 * interval '1 day'`, [keptDays]);
}
