/** What the page Health shows: what the doctor finds from where the web role runs, and what waits for somebody. */
import type { DoctorResult } from '../doctor/check.ts';
import { BridgeError, describeError } from '../domain/errors.ts';
import type { Fixer } from '../domain/errors/define.ts';
import { readOrderFigures, readRunFigures } from '../metrics/figures.ts';
import type { CheckResult } from '../omero/check/check.ts';
import type { ViewSources } from '../runs/read-view.ts';

export interface HealthParts {
  sources: ViewSources;
  /** The doctor's cheap checks; nothing is changed by them. */
  doctor(): Promise<DoctorResult[]>;
}

export interface HealthCheck extends CheckResult {
  /** Who can mend it. */
  readonly who: Fixer | null;
}

export interface HealthReport {
  readonly at: string;
  readonly checks: HealthCheck[];
}

type Found = Pick<CheckResult, 'outcome' | 'detail' | 'remedy'>;

/** Pages that are left open ask every minute, each of them. */
const keptMs = 50_000;
/** An order that waits longer than this deserves a look. */
const longWaitSeconds = 30 * 60;

const passed = (detail: string): Found => ({ outcome: 'passed', detail, remedy: null });
const warning = (detail: string, remedy: string): Found => ({ outcome: 'warning', detail, remedy });

/** Looks once for everybody who asks at a time, and keeps what was found for a while. */
export class Health {
  readonly #parts: HealthParts;
  #kept: { report: HealthReport; until: number } | null = null;
  #looking: Promise<HealthReport> | null = null;

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  /** `again`: look now, whatever was found a moment ago. */
  async read(again: boolean): Promise<HealthReport> {
    if (!again && this.#kept && performance.now() < this.#kept.until) return this.#kept.report;
    this.#looking ??= this.#look().finally(() => (this.#looking = null));
    return this.#looking;
  }

  async #look(): Promise<HealthReport> {
    const report = { at: new Date().toISOString(), checks: await healthChecks(this.#parts) };
    this.#kept = { report, until: performance.now() + keptMs };
    return report;
  }
}

async function healthChecks({ sources, doctor }: HealthParts): Promise<HealthCheck[]> {
  const [site, ...work] = await Promise.all([
    doctor(),
    check('queue', 'Orders do not wait', () => queueFound(sources)),
    check('runs', 'No run waits for anybody', async () => {
      const { attention } = await readRunFigures(sources.runs);
      if (attention.length === 0) return passed('');
      const words = attention.map(({ code, count }) => `${count} by ${code}`).join(', ');
      return warning(`Runs are held up: ${words}.`, 'Open them in the list of runs; each says what it waits for.');
    }),
  ]);
  return [...work, ...site.map(asCheck)];
}

const outcomes = {
  ok: 'passed',
  warning: 'warning',
  problem: 'failed',
  skipped: 'skipped',
  unknown: 'warning',
} as const;

function asCheck({ id, title, outcome, found, remedy, who, code, ms }: DoctorResult): HealthCheck {
  const text = outcome === 'unknown' ? `could not be told: ${found}` : found;
  const capital = (words: string): string => words.slice(0, 1).toUpperCase() + words.slice(1);
  return { id, title: capital(title), outcome: outcomes[outcome], detail: text, remedy, who, code, ms };
}

async function queueFound({ orders }: ViewSources): Promise<Found> {
  const { pending, oldestPendingSeconds, heldUp } = await readOrderFigures(orders);
  if (heldUp.length > 0) {
    const words = heldUp.map(({ code, count }) => `${count} by ${code}`).join(', ');
    return warning(`Orders are held up: ${words}.`, 'Open one in the list of orders; it says what to do.');
  }
  if (oldestPendingSeconds > longWaitSeconds)
    return warning(
      `${pending} orders wait, the oldest for ${Math.round(oldestPendingSeconds / 60)} min.`,
      'Look at the importers; more of them, or more places for each, work faster.',
    );
  return passed(pending === 0 ? 'none waits' : `${pending} wait`);
}

async function check(id: string, title: string, look: () => Promise<Found>): Promise<HealthCheck> {
  const from = performance.now();
  const found = await look().then(
    (f) => ({ ...f, code: null }),
    (error: unknown) => ({
      outcome: 'failed' as const,
      detail: describeError(error),
      remedy: error instanceof BridgeError ? error.remedy : null,
      code: error instanceof BridgeError ? error.code : null,
    }),
  );
  return { id, title, who: found.remedy === null ? null : 'admin', ms: Math.round(performance.now() - from), ...found };
}
