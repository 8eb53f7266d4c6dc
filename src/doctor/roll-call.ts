/**
 * A roll call over the database of upload orders: the doctor asks, every role that runs on this database answers with
 * what it sees from where it runs. Who does not answer is not there, or works on another database.
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { ownGid, ownUid } from '../archive/storage-error.ts';
import type { Config } from '../config/config.ts';
import { roles as everyRole, type Role } from '../config/roles.ts';
import { describeError } from '../domain/errors.ts';
import type { Database, Pool } from '../lib/database.ts';
import { productVersion } from '../lib/product-version.ts';
import { Wakeups } from '../lib/wakeups.ts';
import { readMarker } from '../storage/marker.ts';
import { tryGroups, type TriedGroups } from './try-groups.ts';

export const rollCallChannel = 'bridge_roll_calls';

/** What a process tells of itself. */
export interface RollDetail {
  readonly version: string;
  readonly uid: number;
  readonly gid: number;
  /** Its clock, ms since 1970. */
  readonly clock: number;
  readonly importerEnabled: boolean;
  /** Tells its database of runs from others; null where it uses none. */
  readonly runsDatabase: string | null;
  /** Empty where it has none. */
  readonly baseDir: string;
  /** Id of the storage's marker, null: there is none. */
  readonly marker: string | null;
  /** Why the marker could not be read. */
  readonly markerError: string | null;
  /** `read`: the file of the call is here with what it should hold. Else why not; null: there was no file. */
  readonly probe: string | null;
  /** What a worker found in the folders of groups; null: it was not asked, is no worker, or could not try. */
  readonly groups: TriedGroups | null;
}

export interface RollAnswer {
  readonly roles: readonly Role[];
  readonly host: string;
  readonly pid: number;
  /** The database's clock when it wrote the answer, ms since 1970. */
  readonly answeredAt: number;
  readonly detail: RollDetail;
}

export interface Answerer {
  readonly pool: Pool;
  /** Null where its roles use no database of runs. */
  readonly runs: Pool | null;
  readonly config: Pick<Config, 'importerEnabled' | 'storage'>;
  readonly roles: readonly Role[];
  readonly log: Logger;
  /** Names the process. */
  readonly name: string;
}

const lookEveryMs = 100;
/** Roles that hear no notification look this often. */
export const answerEveryMs = 5_000;
/** A storage that takes longer to give a small file hangs. */
const hangsAfterMs = 3_000;
/** Calls of doctors that died. */
const oldAfter = '1 minute';

/** Remembers that a call was heard while another was being answered. */
export class CallBell {
  readonly #wakeups = new Wakeups();
  #rung = false;

  ring(): void {
    this.#rung = true;
    this.#wakeups.wake('call');
  }

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung) await this.#wakeups.wait('call', ms, signal);
    this.#rung = false;
  }
}

/** Answers calls until the signal aborts, whatever becomes of one of them: no work depends on it. */
export async function keepAnswering(answerer: Answerer, bell: CallBell, signal: AbortSignal): Promise<void> {
  const answering = new Set<string>();
  while (!signal.aborted) {
    const calls = await openCalls(answerer).catch(() => []);
    // Side by side, and nothing waits for them: a storage that hangs delays no other answer, and no end.
    for (const call of calls) {
      if (answering.has(call.id)) continue;
      answering.add(call.id);
      answer(answerer, call)
        .catch(() => undefined)
        .finally(() => answering.delete(call.id));
    }
    await bell.wait(answerEveryMs, signal);
  }
}

interface Call {
  id: string;
  path: string | null;
  text: string | null;
  groups: boolean;
}

/** Calls that this process has not answered yet. */
async function openCalls({ pool, name }: Answerer): Promise<Call[]> {
  const { rows } = await pool.query<Call & Record<string, unknown>>(
    `select id::text, probe_path as path, probe_text as text, try_groups as groups from bridge.roll_calls c
     where called_at > clock_timestamp() - $2::interval
       and not exists (select from bridge.roll_answers a where a.call_id = c.id and a.name = $1)`,
    [name, oldAfter],
  );
  return rows;
}

async function answer({ pool, runs, config, roles, name, log }: Answerer, call: Call): Promise<void> {
  const tries = call.groups && runs && roles.includes('worker');
  const detail: RollDetail = {
    groups: tries ? await tryGroups(runs, config.storage, log).catch(() => null) : null,
    probe: call.path && call.text ? await probe(call.path, call.text) : null,
    ...(await ownDetail(config, runs)),
  };
  // The call may have ended meanwhile.
  await pool.query(
    `insert into bridge.roll_answers (call_id, name, roles, host, pid, detail)
     select id, $2, $3, $4, $5, $6 from bridge.roll_calls where id = $1 on conflict do nothing`,
    [call.id, name, roles, hostname(), process.pid, detail],
  );
}

async function ownDetail(config: Answerer['config'], runs: Pool | null): Promise<Omit<RollDetail, 'probe' | 'groups'>> {
  const { baseDir } = config.storage;
  let marker: string | null = null;
  let markerError: string | null = null;
  if (baseDir)
    try {
      marker = await Promise.race([readMarker(baseDir), late()]);
    } catch (error) {
      markerError = describeError(error);
    }
  const { importerEnabled } = config;
  const own = { version: productVersion, uid: ownUid(), gid: ownGid(), clock: Date.now() };
  const runsDatabase = runs && (await identifyRuns(runs));
  return { ...own, importerEnabled, runsDatabase, baseDir, marker, markerError };
}

/** A mount whose server is gone keeps whoever reads it waiting. */
async function late(): Promise<never> {
  await sleep(hangsAfterMs, undefined, { ref: false });
  throw new Error(`it did not answer within ${hangsAfterMs / 1000} s`);
}

/** When schema `bridge` was made in this database, to the microsecond: no other has the same. */
export async function identifyRuns(runs: Pool): Promise<string> {
  const { rows } = await runs.query<{ first: string | null }>(
    `select extract(epoch from min(applied_at))::text as first from bridge.migrations where part = 'runs'`,
  );
  return rows[0]?.first ?? '';
}

async function probe(path: string, text: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')) === text ? 'read' : 'another file is there';
  } catch (error) {
    return describeError(error);
  }
}

/**
 * Asks who is there and collects answers: until `enough` says so, at most for `waitMs`. Nothing of it stays.
 *
 * @param o.probe a file that was written for this call, to be read by whoever answers
 */
export async function callRoll(
  pool: Pool,
  o: {
    readonly waitMs: number;
    readonly enough: (answers: readonly RollAnswer[]) => boolean;
    readonly probe?: { readonly path: string; readonly text: string };
    /** Workers are to try the folders of groups. */
    readonly tryGroups?: boolean;
  },
): Promise<RollAnswer[]> {
  const id = randomUUID();
  await pool.query('delete from bridge.roll_calls where called_at < clock_timestamp() - $1::interval', [oldAfter]);
  await pool.query('insert into bridge.roll_calls (id, probe_path, probe_text, try_groups) values ($1, $2, $3, $4)', [
    id,
    o.probe?.path ?? null,
    o.probe?.text ?? null,
    o.tryGroups ?? false,
  ]);
  try {
    await pool.query('select pg_notify($1, $2)', [rollCallChannel, id]);
    const end = performance.now() + o.waitMs;
    for (;;) {
      const answers = await readAnswers(pool, id);
      if (o.enough(answers) || performance.now() > end) return answers;
      await sleep(lookEveryMs);
    }
  } finally {
    await pool.query('delete from bridge.roll_calls where id = $1', [id]);
  }
}

/** In the sequence of the data's way, so that a report reads the same however they happened to answer. */
async function readAnswers(db: Database, id: string): Promise<RollAnswer[]> {
  const { rows } = await db.query<{ roles: Role[]; host: string; pid: number; at: Date; detail: RollDetail }>(
    `select roles, host, pid, answered_at as at, detail from bridge.roll_answers where call_id = $1
     order by host, name limit 1000`,
    [id],
  );
  const place = ({ roles: [first] }: { readonly roles: readonly Role[] }): number =>
    first ? everyRole.indexOf(first) : -1;
  return rows
    .map(({ at, ...answer }) => ({ ...answer, answeredAt: at.getTime() }))
    .toSorted((a, b) => place(a) - place(b));
}
