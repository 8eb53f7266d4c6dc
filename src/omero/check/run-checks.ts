/**
 * Tries, against a site's own OMERO, everything that the product does there, and removes what it made, also after a
 * failure or an interruption.
 */
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import type { Config } from '../../config/config.ts';
import { BridgeError, describeError } from '../../domain/errors.ts';
import { checkActing } from './acting.ts';
import { checkAnnotations } from './annotations.ts';
import { checkAttachments } from './attachments.ts';
import { SkipCheck, type ActAs, type Check, type CheckResult, type CheckSite } from './check.ts';
import { Cleanup } from './cleanup.ts';
import { checkClosedSession } from './closed-session.ts';
import { checkDataset } from './dataset.ts';
import { checkImport } from './import-in-place.ts';
import { checkImportProgramStarts } from './import-program.ts';
import { checkPrivileges } from './privileges.ts';
import { checkQueries } from './queries.ts';
import { checkRepository } from './repository.ts';
import { checkSignIn } from './sign-in.ts';
import { checkStorage } from './storage.ts';
import { checkTable } from './table.ts';
import { checkVersion } from './version.ts';

/** In this order: a check may need those before it. */
export const checks: readonly Check[] = [
  checkSignIn,
  checkVersion,
  checkPrivileges,
  checkQueries,
  checkImportProgramStarts,
  checkRepository,
  checkActing,
  checkStorage,
  checkDataset,
  checkImport,
  checkAnnotations,
  checkAttachments,
  checkTable,
  checkClosedSession,
];

export interface CheckReport {
  /** True when nothing failed and nothing was left behind; what was not tried does not count. */
  readonly passed: boolean;
  readonly interrupted: boolean;
  readonly results: CheckResult[];
  /** What could not be removed again. */
  readonly left: string[];
}

/** Runs all checks. Rejects never: what goes wrong is a result. */
export async function runChecks(o: {
  readonly config: Pick<Config, 'omero' | 'importer' | 'storage'>;
  readonly actAs: ActAs | null;
  readonly signal: AbortSignal;
  /** See `CheckSite`. */
  readonly settleMs?: number;
  /** Waited for. */
  readonly onStart?: (check: Check) => void | Promise<void>;
  readonly onResult?: (result: CheckResult) => void;
}): Promise<CheckReport> {
  const mark = `biomero-bridge-check-${randomBytes(4).toString('hex')}`;
  const site: CheckSite = {
    config: o.config,
    actAs: o.actAs,
    signal: o.signal,
    settleMs: o.settleMs ?? 5_000,
    cleanup: new Cleanup(),
    mark,
    made: {},
  };
  const results: CheckResult[] = [];
  const add = (result: CheckResult): void => {
    results.push(result);
    o.onResult?.(result);
  };
  for (const check of checks) {
    const why = reasonToSkip(check, results, site);
    if (why === null) await o.onStart?.(check);
    add(why === null ? await tryCheck(check, site) : skipped(check, why));
  }
  const left = await site.cleanup.run();
  if (site.made.session || left.length) add(cleanupResult(left));
  const passed = results.every((r) => r.outcome !== 'failed') && !o.signal.aborted;
  return { passed, interrupted: o.signal.aborted, results, left };
}

function reasonToSkip(check: Check, results: readonly CheckResult[], { signal }: CheckSite): string | null {
  if (signal.aborted) return 'interrupted';
  const lacking = check.needs.flatMap(
    (id) => results.find((r) => r.id === id && r.outcome !== 'passed' && r.outcome !== 'warning') ?? [],
  );
  const [first] = lacking;
  if (!first) return null;
  return first.outcome === 'skipped' ? first.detail : `needs "${first.title}"`;
}

async function tryCheck(check: Check, site: CheckSite): Promise<CheckResult> {
  const { id, title } = check;
  const started = performance.now();
  const took = (): number => Math.round(performance.now() - started);
  try {
    const { outcome, detail, remedy = null } = await check.run(site);
    return { id, title, outcome, detail, remedy, code: null, ms: took() };
  } catch (error) {
    if (site.signal.aborted) return { ...skipped(check, 'interrupted'), ms: took() };
    if (error instanceof SkipCheck) return { ...skipped(check, error.message), ms: took() };
    const known = error instanceof BridgeError ? error : null;
    const remedy = known?.remedy ?? remedyOf(error);
    return {
      id,
      title,
      outcome: 'failed',
      detail: describeError(error),
      remedy,
      code: known?.code ?? null,
      ms: took(),
    };
  }
}

/** Errors that are not of the registry: those of files name their path, others were not foreseen. */
function remedyOf(error: unknown): string {
  const { code, path } = error as NodeJS.ErrnoException;
  if (code !== undefined && path !== undefined)
    return `Let the user of the importer (uid ${process.getuid?.()}) write in ${dirname(path)}, or correct where it lies.`;
  return 'Report this with the version of OMERO: it was not foreseen.';
}

function skipped({ id, title }: Check, detail: string): CheckResult {
  return { id, title, outcome: 'skipped', detail, remedy: null, code: null, ms: 0 };
}

function cleanupResult(left: readonly string[]): CheckResult {
  const about = { id: 'cleanup', title: 'Clean up', code: null, ms: 0 };
  if (!left.length)
    return { ...about, outcome: 'passed', detail: 'Everything that was made is removed.', remedy: null };
  const remedy = 'Remove these by hand; their names begin with biomero-bridge-check.';
  return { ...about, outcome: 'failed', detail: `Left behind: ${left.join('; ')}`, remedy };
}
