import { stages } from '../domain/vocabulary.ts';
import type { Database } from '../lib/database.ts';
import { isDeadHere } from '../lib/lease-owner.ts';
import { fairOrder } from './fair-order.ts';

/** An order that no terminal row closes. */
export interface OpenOrder {
  id: number;
  uuid: string;
  group: string;
  /** Who imports it at this moment. */
  holder: string | null;
}

/** Looked at each time, however long the history: rows commit out of sequence by far less than this. */
const tailRows = 5_000;
/** Orders taken into account per group: enough to keep every importer busy until the next look. */
const perGroup = 200;
/** The whole table is read this seldom: after a pause of so many times what it took, and no sooner than this. */
const sweepShare = 20;
const sweepEveryMs = 2_000;

/**
 * Finds orders to import. There is no watermark: the newest rows are looked at every time, and the whole table in the
 * background as often as its size allows, so that a row with a lower id that commits late, however late, is found.
 */
export class OpenOrders {
  readonly #db: Database;
  #nextSweep = 0;
  #sweeping: Promise<void> | null = null;
  #swept: number[] = [];

  constructor(db: Database) {
    this.#db = db;
  }

  /** Orders that may be tried now, fairly between groups; those of a process of this machine that died come first. */
  async look(): Promise<OpenOrder[]> {
    const first = this.#nextSweep === 0;
    if (!this.#sweeping && performance.now() >= this.#nextSweep) this.#sweeping = this.#sweep();
    if (first) await this.#sweeping;
    const open = await findNewOrders(this.#db, this.#swept);
    const free = open.filter((o) => o.holder === null);
    const held = open.filter((o) => o.holder !== null);
    const abandoned = held.filter((o) => isDeadHere(o.holder ?? ''));
    const active = held.filter((o) => !abandoned.includes(o)).map((o) => o.group);
    return [...abandoned, ...fairOrder(free, active)];
  }

  /** Does not throw: when the database is away, the look that goes with it says so. */
  async #sweep(): Promise<void> {
    const from = performance.now();
    try {
      this.#swept = (await findAllOrders(this.#db)).map((o) => o.id);
      this.#nextSweep = performance.now() + Math.max(sweepEveryMs, (performance.now() - from) * sweepShare);
    } catch {
      this.#nextSweep = performance.now() + sweepEveryMs;
    } finally {
      this.#sweeping = null;
    }
  }
}

/** Open orders among the newest rows and those with the given ids: a few look-ups by index, whatever the planner thinks. */
async function findNewOrders(db: Database, known: readonly number[]): Promise<OpenOrder[]> {
  const { rows } = await db.query<OpenOrder & Record<string, unknown>>(
    `with pending as materialized (
       select id, uuid, group_name from imports where id > (select max(id) from imports) - $4 and stage = $1
       union select id, uuid, group_name from imports where id = any($5::int[]) and stage = $1),
     open as (
       select id, uuid, group_name from pending p
       where (select t.id from imports t where t.uuid = p.uuid and t.stage = any($2) limit 1) is null)
     ${claimableOf('open')}`,
    [stages.pending, terminal, perGroup, tailRows, known],
  );
  return rows;
}

/** Open orders in the whole table. */
async function findAllOrders(db: Database): Promise<OpenOrder[]> {
  const { rows } = await db.query<OpenOrder & Record<string, unknown>>(
    `with open as (
       select id, uuid, group_name from imports p where stage = $1
         and not exists (select 1 from imports t where t.uuid = p.uuid and t.stage = any($2)))
     ${claimableOf('open')}`,
    [stages.pending, terminal, perGroup],
  );
  return rows;
}

const terminal = [stages.completed, stages.failed];

/** Of open orders those that do not wait for another try: of each group the oldest that nobody has, and all that somebody has. */
function claimableOf(open: string): string {
  return `, placed as (
      select o.id, o.uuid, o.group_name as "group", l.holder,
        row_number() over (partition by o.group_name, l.holder is null order by o.id) as place
      from (select distinct on (uuid) id, uuid, group_name from ${open} order by uuid, id) o
      left join bridge.order_attempts a on a.order_uuid = o.uuid
      left join bridge.leases l on l.resource = 'order:' || o.uuid and l.expires_at > clock_timestamp()
      where a.next_at is null or a.next_at <= clock_timestamp() or l.holder is not null)
    select id, uuid, "group", holder from placed where holder is not null or place <= $3 order by id`;
}
