import pLimit, { type LimitFunction } from 'p-limit';
import type { Logger } from 'pino';
import { bridgeError, describeError, isBridgeError, type BridgeError } from '../domain/errors.ts';
import { statuses, type Recipe, type StepName } from '../domain/vocabulary.ts';
import type { LeaseHolder, Lease } from '../lib/lease.ts';
import { Wakeups } from '../lib/wakeups.ts';
import { nextStep } from '../runs/next-step.ts';
import { abandonedRunIds, openRunIds, readRun } from '../runs/read-runs.ts';
import type { Run } from '../runs/run.ts';
import { endRun, setAttention, setFailure, setStatus, writeRun } from '../runs/write-run.ts';
import { beginStep, endStep, progressStep, type StepProgress } from '../runs/write-step.ts';
import type { StepHandle, StepOutcome, WorkerContext } from './context.ts';
import { readFacts } from './facts.ts';
import { publishDone, publishFailure } from './publish.ts';
import { abandon } from './abandon.ts';
import { annotate } from './steps/annotate.ts';
import { archive } from './steps/archive.ts';
import { follow } from './steps/follow.ts';
import { importImages } from './steps/import.ts';
import { attach } from './steps/attach.ts';
import { order, prepareUpload } from './steps/order.ts';
import { submit } from './steps/submit.ts';
import { upload } from './steps/upload.ts';
import { removeWork } from './work-folder.ts';

type Step = (ctx: WorkerContext, run: Run, step: StepHandle) => Promise<StepOutcome>;

const recipes: Readonly<Record<Recipe, Readonly<Record<StepName, Step>>>> = {
  'import-results': { submit, follow, archive, order, import: importImages, annotate },
  'get-results': { submit, follow, archive, order: prepareUpload, import: upload, annotate: attach },
};

/** Steps that move data: only some runs are in one of them at a time, while any number waits for a job or an import. */
const heavy: Readonly<Record<Recipe, ReadonlySet<StepName>>> = {
  'import-results': new Set<StepName>(['submit', 'archive']),
  'get-results': new Set<StepName>(['submit', 'archive', 'import', 'annotate']),
};
/** More than a worker can be expected to wait for; others or a later look take the rest. */
const mostRuns = 1000;

/** Looks for open runs this often even when nobody rings. */
const lookEveryMs = 1_000;
const progressEveryMs = 300;
const longestPauseMs = 60_000;

/**
 * Brings runs home until the signal aborts: takes each open run under a lease, asks for its next step, does it, and
 * asks again. Any number of workers may do this on one database.
 */
export async function runWorker(
  ctx: WorkerContext,
  leases: LeaseHolder,
  newRuns: Wakeups,
  signal: AbortSignal,
): Promise<void> {
  const active = new Map<string, { done: Promise<void>; giveUp: AbortController }>();
  const transfers = pLimit(ctx.config.worker.maxRuns);
  while (!signal.aborted) {
    try {
      if (active.size > 0)
        for (const id of await abandonedRunIds(ctx.runs, [...active.keys()])) active.get(id)?.giveUp.abort();
      for (const id of await openRunIds(ctx.runs, mostRuns)) {
        if (signal.aborted || active.size >= mostRuns) break;
        if (active.has(id)) continue;
        const lease = await leases.acquire(`run:${id}`);
        if (!lease) continue;
        const giveUp = new AbortController();
        const done = driveRun(ctx, id, lease, transfers, { stop: signal, giveUp: giveUp.signal }).finally(() =>
          active.delete(id),
        );
        active.set(id, { done, giveUp });
      }
    } catch (error) {
      ctx.log.error({ error: describeError(error) }, 'looking for runs failed; it is tried again');
    }
    await newRuns.wait('runs', lookEveryMs, signal);
  }
  await Promise.all([...active.values()].map(({ done }) => done));
}

/** Works on one run until it ended, its lease was lost, or the worker stops; a step of a run given up is interrupted. */
async function driveRun(
  ctx: WorkerContext,
  runId: string,
  lease: Lease,
  transfers: LimitFunction,
  { stop, giveUp }: { stop: AbortSignal; giveUp: AbortSignal },
): Promise<void> {
  const log = ctx.log.child({ run: runId });
  const signal = AbortSignal.any([stop, lease.signal]);
  const stepSignal = AbortSignal.any([signal, giveUp]);
  const pauses = new Wakeups();
  let begun: StepName | null = null;
  let failures = 0;
  try {
    while (!signal.aborted) {
      const run = await readRun(ctx.runs, runId);
      if (!run) return;
      const step = nextStep(await readFacts(ctx.runs, ctx.orders, run));
      if (step === 'none') return;
      if (step === 'abandon') {
        await abandon(ctx, run, lease);
        log.info('run was given up');
        return;
      }
      if (step === 'finish') {
        await finish(ctx, run, lease);
        log.info('run is done');
        return;
      }
      const handle = new RunStep(
        ctx,
        run.id,
        step,
        lease,
        stepSignal,
        log.child({ step, ...(run.job && { job: run.job.id }) }),
      );
      try {
        const work = async (): Promise<StepOutcome> => {
          stepSignal.throwIfAborted();
          if (begun !== step) await handle.begin();
          begun = step;
          return await recipes[run.recipe][step](ctx, run, handle);
        };
        const outcome = await (heavy[run.recipe].has(step) ? transfers(work) : work());
        await handle.flush();
        failures = 0;
        const next = nextStep(await readFacts(ctx.runs, ctx.orders, (await readRun(ctx.runs, runId)) ?? run));
        if (next === 'abandon') continue;
        if (next !== step) await handle.done();
        else if (outcome !== 'again') await pauses.wait('', outcome.waitMs, stepSignal);
      } catch (error) {
        if (signal.aborted || isBridgeError(error, 'LEASE_LOST')) return;
        if (giveUp.aborted) {
          await handle.drop();
          continue;
        }
        const known = knownError(error, step);
        log.warn({ step, code: known.code, error: describeError(error) }, 'a step stopped');
        await handle.drop();
        if (!known.retryable) {
          await failRun(ctx, run, step, known, lease);
          return;
        }
        await waitWithAttention(ctx, run, step, known, lease);
        begun = null;
        await pauses.wait('', Math.min(longestPauseMs, 500 * 2 ** failures++), stepSignal);
      }
    }
  } catch (error) {
    if (!signal.aborted && !isBridgeError(error, 'LEASE_LOST'))
      log.error({ error: describeError(error) }, 'this run is left for now and taken up again');
  } finally {
    await lease.release().catch((error: unknown) => {
      log.warn({ error: describeError(error) }, 'the lease could not be released; it expires by itself');
    });
  }
}

function knownError(error: unknown, step: StepName): BridgeError {
  if (isBridgeError(error)) return error;
  return bridgeError('UNEXPECTED', { step, reason: describeError(error) }, { cause: error });
}

async function finish(ctx: WorkerContext, run: Run, lease: Lease): Promise<void> {
  const nothing = run.recipe === 'get-results' ? 'Results attached, nothing to import' : 'Archived, nothing to import';
  await publishDone(ctx, run, run.imagesConfirmedAt ? 'Imported and annotated' : nothing);
  await removeWork(run);
  await writeRun(ctx.runs, run.id, lease, async (tx) => {
    await setStatus(tx, run.id, statuses.done);
    await endRun(tx, run.id, 'done');
  });
}

async function failRun(ctx: WorkerContext, run: Run, step: StepName, error: BridgeError, lease: Lease): Promise<void> {
  const status = await publishFailure(ctx, run, error);
  // What it fetched is still on the cluster, and a retry fetches it again.
  await removeWork(run).catch((failure: unknown) =>
    ctx.log.warn({ run: run.id, error: describeError(failure) }, 'results that were to be uploaded stay on this disk'),
  );
  await writeRun(ctx.runs, run.id, lease, async (tx) => {
    await endStep(tx, run.id, step, 'failed', error.message);
    await setFailure(tx, run.id, step, error);
    await setStatus(tx, run.id, status);
    await endRun(tx, run.id, 'failed');
  });
}

async function waitWithAttention(
  ctx: WorkerContext,
  run: Run,
  step: StepName,
  error: BridgeError,
  lease: Lease,
): Promise<void> {
  await writeRun(ctx.runs, run.id, lease, async (tx) => {
    await endStep(tx, run.id, step, 'attention', error.message);
    // The run goes on by itself once that is done, so what to do is part of what it waits for.
    await setAttention(tx, run.id, { code: error.code, detail: `${error.message} ${error.remedy}` });
  });
}

/** One attempt at one step. */
class RunStep implements StepHandle {
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly #ctx: WorkerContext;
  readonly #runId: string;
  readonly #name: StepName;
  readonly #lease: Lease;
  #pending: StepProgress | null = null;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();
  #shown = '';

  constructor(ctx: WorkerContext, runId: string, name: StepName, lease: Lease, signal: AbortSignal, log: Logger) {
    this.#ctx = ctx;
    this.#runId = runId;
    this.#name = name;
    this.#lease = lease;
    this.signal = signal;
    this.log = log;
  }

  write: StepHandle['write'] = (change) => writeRun(this.#ctx.runs, this.#runId, this.#lease, change);

  async begin(): Promise<void> {
    await this.write((tx) => beginStep(tx, this.#runId, this.#name));
  }

  async done(): Promise<void> {
    await this.write(async (tx) => {
      await endStep(tx, this.#runId, this.#name, 'done');
      await setAttention(tx, this.#runId, null);
    });
  }

  progress(progress: StepProgress): void {
    this.#pending = { ...this.#pending, ...progress };
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#writing = this.#writing.then(() => this.#writeProgress());
      this.#writing.catch((error: unknown) => this.log.debug({ error: describeError(error) }, 'progress not written'));
    }, progressEveryMs);
  }

  /** Writes the last progress. */
  async flush(): Promise<void> {
    this.#stopTimer();
    await this.#writing;
    await this.#writeProgress();
  }

  /** Forgets progress that was not written yet, after a failure. */
  async drop(): Promise<void> {
    this.#stopTimer();
    this.#pending = null;
    await this.#writing.catch(() => undefined);
  }

  #stopTimer(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #writeProgress(): Promise<void> {
    const progress = this.#pending;
    this.#pending = null;
    if (!progress) return;
    const text = JSON.stringify(progress);
    // A step that looks again every second must not raise the revision when there is nothing new to see.
    if (text === this.#shown) return;
    await this.write((tx) => progressStep(tx, this.#runId, this.#name, progress));
    this.#shown = text;
  }
}
