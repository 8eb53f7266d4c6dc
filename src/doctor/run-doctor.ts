import { setTimeout as sleep } from 'node:timers/promises';
import type { Role } from '../config/roles.ts';
import { describeError, isBridgeError } from '../domain/errors.ts';
import type { DoctorCheck, DoctorFinding, DoctorResult, DoctorSite } from './check.ts';
import { checks as allChecks } from './checks.ts';
import { answerEveryMs } from './roll-call.ts';

export interface DoctorOptions {
  /** Mend what is safe to mend. */
  readonly fix?: boolean;
  /** How long one check may take. */
  readonly limitMs?: number;
  readonly checks?: readonly DoctorCheck[];
  /** Told before a result is waited for, in their order, and when it is there. */
  readonly onStart?: (check: DoctorCheck) => void;
  readonly onResult?: (result: DoctorResult) => void;
}

/** A doctor that only looks, in a process whose configuration was accepted. */
export const doctorDefaults = {
  problems: [],
  now: Date.now,
  nodeVersion: process.versions.node,
  signal: new AbortController().signal,
  answerMs: answerEveryMs + 1_000,
  probe: false,
  smoke: false,
  smokeMs: 180_000,
  actAs: null,
} satisfies Partial<DoctorSite>;

/**
 * Tries everything that the site's roles need, side by side, each within a time limit. Never throws because of what is
 * found: a check whose dependency has a problem is skipped, one that does not answer in time is unknown. Results come
 * in the order of the list of checks.
 */
export async function runDoctor(site: DoctorSite, options: DoctorOptions = {}): Promise<DoctorResult[]> {
  const concerns = (check: DoctorCheck): boolean => check.roles.some((role: Role) => site.roles.includes(role));
  const running = new Map<string, Promise<DoctorResult>>();
  const chosen = (options.checks ?? allChecks).filter(concerns);
  const blocked: Blocked = new Map();
  for (const check of chosen) {
    const needed = check.needs.flatMap((id) => running.get(id) ?? []);
    const result = Promise.all(needed).then((before) => resultOf(site, check, before, blocked, options));
    running.set(check.id, result);
  }
  const results: DoctorResult[] = [];
  for (const check of chosen) {
    options.onStart?.(check);
    const result = await running.get(check.id);
    if (!result) continue;
    results.push(result);
    options.onResult?.(result);
  }
  return results;
}

/** 0: no problem; 1: a problem; 2: no problem, but something could not be told. */
export function exitCodeOf(results: readonly DoctorResult[]): 0 | 1 | 2 {
  if (results.some((r) => r.outcome === 'problem')) return 1;
  return results.some((r) => r.outcome === 'unknown') ? 2 : 0;
}

/** Checks that were not tried, with the title of the one that is at the root of it. */
type Blocked = Map<string, string>;

function isBad({ outcome }: DoctorResult): boolean {
  return outcome === 'problem' || outcome === 'unknown';
}

type Told = DoctorFinding & { code?: string; fixed?: string };

async function resultOf(
  site: DoctorSite,
  check: DoctorCheck,
  before: readonly DoctorResult[],
  blocked: Blocked,
  { fix = false, limitMs: most = 30_000 }: DoctorOptions,
): Promise<DoctorResult> {
  const limitMs = Math.max(most, check.limitMs ?? 0);
  const started = performance.now();
  const inTheWay = before.flatMap((r) => (isBad(r) ? r.title : (blocked.get(r.id) ?? [])))[0];
  if (inTheWay !== undefined) blocked.set(check.id, inTheWay);
  const why = site.signal.aborted ? 'interrupted' : inTheWay && `because of "${inTheWay}"`;
  let told: Told = why ? { outcome: 'skipped', found: why } : await within(limitMs, () => check.run(site));
  if (fix && told.fixable && check.fix) {
    const mend = check.fix.bind(check);
    const mended = await within(limitMs, async () => ({ outcome: 'ok', found: await mend(site) }));
    if (mended.outcome === 'ok') told = { ...(await within(limitMs, () => check.run(site))), fixed: mended.found };
    else told = mended;
  }
  const { outcome, found, remedy = null, who = null, code = null, fixed = null } = told;
  const ms = Math.round(performance.now() - started);
  return { id: check.id, title: check.title, outcome, found, remedy, who, code, fixed, ms };
}

async function within(limitMs: number, look: () => Promise<DoctorFinding>): Promise<Told> {
  const over = new AbortController();
  const late = sleep(limitMs, null, { signal: over.signal }).then(
    (): Told => ({ outcome: 'unknown', found: `no answer within ${limitMs / 1000} s` }),
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([look(), late]);
  } catch (error) {
    if (!isBridgeError(error)) return { outcome: 'unknown', found: describeError(error) };
    return { outcome: 'problem', found: error.message, remedy: error.remedy, who: error.who, code: error.code };
  } finally {
    over.abort();
  }
}
