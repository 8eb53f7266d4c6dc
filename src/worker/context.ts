import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { Database, Pool } from '../lib/database.ts';
import type { Wakeups } from '../lib/wakeups.ts';
import type { OmeroAccess } from '../omero/access.ts';
import type { StepProgress } from '../runs/write-step.ts';
import type { Slurm } from '../slurm/slurm.ts';
import type { Transport } from '../slurm/transport.ts';
import type { Tracker } from '../tracking/tracker.ts';
import type { JobWatch } from './job-watch.ts';

/** What the worker's steps use. Built in `app.ts`. */
export interface WorkerContext {
  config: Config;
  /** Database of BIOMERO's log and `bridge.runs`. */
  runs: Pool;
  /** Database of `imports`; may be the same. */
  orders: Pool;
  slurm: Slurm;
  transport: Transport;
  jobs: JobWatch;
  tracker: Tracker;
  omero: OmeroAccess;
  /** Rings with an order's uuid when it may have changed. */
  orderChanges: Wakeups;
  log: Logger;
}

/** What one step of one run may do; everything it writes is fenced by the run's lease. */
export interface StepHandle {
  signal: AbortSignal;
  log: Logger;
  /** One short transaction that raises the run's revision. */
  write(change: (tx: Database) => Promise<void>): Promise<void>;
  /** Shows how far the step is; at most a few times a second reach the database, the last one always does. */
  progress(progress: StepProgress): void;
}

/** A step ends with `again`: look at the facts anew; or it asks to be called once more after some time. */
export type StepOutcome = 'again' | { waitMs: number };
