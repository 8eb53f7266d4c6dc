/** The vocabulary of the doctor: what a check is, what it may use, what it finds. */
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { Role } from '../config/roles.ts';
import type { ConfigProblem } from '../config/problems.ts';
import type { Fixer } from '../domain/errors/define.ts';
import type { Pool } from '../lib/database.ts';
import type { OmeroAccess } from '../omero/access.ts';
import type { ActAs } from '../omero/check/check.ts';
import type { Transport } from '../slurm/transport.ts';

/** `unknown`: it was tried, and the answer does not tell; `skipped`: it was not tried, and `found` says why. */
export type DoctorOutcome = 'ok' | 'warning' | 'problem' | 'skipped' | 'unknown';

/** What a check may use. A pool is null where the roles use no such database. */
export interface DoctorSite {
  readonly config: Config;
  readonly problems: readonly ConfigProblem[];
  readonly roles: readonly Role[];
  readonly runs: Pool | null;
  readonly orders: Pool | null;
  readonly omero: Pick<OmeroAccess, 'admin' | 'as'>;
  /** Null where no role reaches the cluster. */
  readonly transport: Transport | null;
  readonly log: Logger;
  /** This machine's clock, ms since 1970. */
  readonly now: () => number;
  /** Such as `20.19.0`. */
  readonly nodeVersion: string;
  /** Aborted when the doctor is to end early: what was made is still removed. */
  readonly signal: AbortSignal;
  /** How long running roles get to answer. */
  readonly answerMs: number;
  /** Files may be written, and removed again, where the plain doctor only looks. */
  readonly probe: boolean;
  /** Try a whole upload order. */
  readonly smoke: boolean;
  /** How long that order may take. */
  readonly smokeMs: number;
  /** In whose name images are imported; null: none is. */
  readonly actAs: ActAs | null;
}

export interface DoctorFinding {
  readonly outcome: DoctorOutcome;
  /** What was found, in one or two sentences. */
  readonly found: string;
  readonly remedy?: string;
  readonly who?: Fixer;
  /** `fix` of the check may be used. */
  readonly fixable?: boolean;
}

export interface DoctorCheck {
  readonly id: string;
  readonly title: string;
  /** What is tried, for the reference page. */
  readonly tests: string;
  readonly roles: readonly Role[];
  /** Checks whose problem makes this one pointless. */
  readonly needs: readonly string[];
  /** It writes on the storage, starts a program, or reads large folders. */
  readonly costly?: boolean;
  /** How long it may take, where that is longer than others may. */
  readonly limitMs?: number;
  /** A BridgeError that is thrown is a problem; any other leaves the outcome unknown. */
  run(site: DoctorSite): Promise<DoctorFinding>;
  /** Mends what `fixable` said, safe to repeat; gives back what was done. */
  fix?(site: DoctorSite): Promise<string>;
}

export interface DoctorResult {
  readonly id: string;
  readonly title: string;
  readonly outcome: DoctorOutcome;
  readonly found: string;
  /** What to do; null when there is nothing to do. */
  readonly remedy: string | null;
  /** Who can do it. */
  readonly who: Fixer | null;
  /** Code of the registry of errors, where one was thrown. */
  readonly code: string | null;
  /** What `--fix` did. */
  readonly fixed: string | null;
  readonly ms: number;
}
