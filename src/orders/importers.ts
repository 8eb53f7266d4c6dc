import { stages } from '../domain/vocabulary.ts';
import type { Database } from '../lib/database.ts';
import { rowTime } from './row-time.ts';

/** An importer of ours, by its latest heartbeat. */
export interface ImporterState {
  host: string;
  pid: number | null;
  /** `silent`: it beats no more; whoever ends in order takes their heartbeat with them. */
  state: 'alive' | 'silent' | 'stopped';
  lastBeatAt: Date;
  /** How many orders it works on, of how many it may. */
  active: number;
  maxWorkers: number | null;
  orders: string[];
  /** Why it takes no more orders: another kind of importer wrote to its table. */
  stopped: string | null;
}

/** Beats come every 5 s. */
const silentAfterSeconds = 20;

/** Importers that beat within a day, those that live first. */
export async function readImporters(db: Database): Promise<ImporterState[]> {
  const { rows } = await db.query<{
    host: string;
    pid: number | null;
    at: Date;
    silent: boolean;
    detail: { active?: unknown; maxWorkers?: unknown; stopped?: unknown };
    orders: string[];
  }>(
    `select h.host, h.pid, h.at, h.at < clock_timestamp() - make_interval(secs => $1) as silent, h.detail,
       array(select substr(l.resource, 7) from bridge.leases l
         where l.holder = h.name and starts_with(l.resource, 'order:') and l.expires_at > clock_timestamp()
         order by l.resource) as orders
     from bridge.heartbeats h where h.role = 'importer' and h.at > clock_timestamp() - interval '1 day'
     order by 4, h.host, h.at desc limit 100`,
    [silentAfterSeconds],
  );
  return rows.map(({ host, pid, at, silent, detail, orders }) => {
    const stopped = typeof detail.stopped === 'string' ? detail.stopped : null;
    return {
      host,
      pid,
      state: silent ? 'silent' : stopped === null ? 'alive' : 'stopped',
      lastBeatAt: at,
      active: typeof detail.active === 'number' ? detail.active : orders.length,
      maxWorkers: typeof detail.maxWorkers === 'number' ? detail.maxWorkers : null,
      orders,
      stopped,
    };
  });
}

/** The newest of the last rows of the ledger that no importer of ours wrote; null when there is none. */
export async function newestForeignStage(db: Database): Promise<{ stage: string; at: Date } | null> {
  const { rows } = await db.query<{ stage: string; at: Date }>(
    `select i.stage, ${rowTime('i."timestamp"')} as at from imports i
     where i.id > (select max(id) from imports) - 10000 and i.stage <> $1 and ${rowTime('i."timestamp"')} is not null
       and not exists (select 1 from bridge.order_stages s where s.row_id = i.id)
     order by i.id desc limit 1`,
    [stages.pending],
  );
  return rows[0] ?? null;
}
