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
const perGroup = 50;
/** The whole table is read this seldom, as a multiple of the time that it takes. */
const sweepShare = 20;

/**
 * Finds orders to import. There is no watermark: the newest rows are looked at every time, and the whole table as often
 * as its size allows, so that a row with a lower id that commits late, however late, is found.
 */
export class OpenOrders {
  readonly #db: Database;
  #nextSweep = 0;
  #swept: number[] = [];

  constructor(db: Database) {
    this.#db = db;
  }

  /** Orders that may be tried now, fairly between groups; those of a process of this machine that died come first. */
  async look(): Promise<OpenOrder[]> {
    const from = performance.now();
    const sweep = from >= this.#nextSweep;
    const open = await findOpenOrders(this.#db, sweep ? null : this.#swept);
    if (sweep) {
      const now = performance.now();
      this.#nextSweep = now + (now - from) * sweepShare;
      this.#swept = open.map((o) => o.id);
    }
    const free = open.filter((o) => o.holder === null);
    const held = open.filter((o) => o.holder !== null);
    const abandoned = held.filter((o) => isDeadHere(o.holder ?? ''));
    const active = held.filter((o) => !abandoned.includes(o)).map((o) => o.group);
    return [...abandoned, ...fairOrder(free, active)];
  }
}

/**
 * Open orders that are not waiting for another try: of each group the oldest that nobody has, and all that somebody has.
 *
 * @param known ids to look at beside the newest rows; null: the whole table
 */
export async function findOpenOrders(db: Database, known: readonly number[] | null): Promise<OpenOrder[]> {
  const { rows } = await db.query<OpenOrder & Record<string, unknown>>(
    `with open as (
       select distinct on (p.uuid) p.id, p.uuid, p.group_name from imports p
       where p.stage = $1 and ($3::int[] is null or p.id > (select max(id) from imports) - $4 or p.id = any($3))
         and not exists (select 1 from imports t where t.uuid = p.uuid and t.stage = any($2))
       order by p.uuid, p.id),
     placed as (
       select o.id, o.uuid, o.group_name as "group", l.holder,
         row_number() over (partition by o.group_name, l.holder is null order by o.id) as place
       from open o
       left join bridge.order_attempts a on a.order_uuid = o.uuid
       left join bridge.leases l on l.resource = 'order:' || o.uuid and l.expires_at > clock_timestamp()
       where a.next_at is null or a.next_at <= clock_timestamp() or l.holder is not null)
     select id, uuid, "group", holder from placed where holder is not null or place <= $5 order by id`,
    [stages.pending, [stages.completed, stages.failed], known, tailRows, perGroup],
  );
  return rows;
}
