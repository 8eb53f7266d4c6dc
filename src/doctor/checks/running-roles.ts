import type { Role } from '../../config/roles.ts';
import { productVersion } from '../../lib/product-version.ts';
import type { DoctorCheck, DoctorFinding } from '../check.ts';
import { expectedRoles } from '../expected-roles.ts';
import { callRoll, identifyRuns, type RollAnswer } from '../roll-call.ts';

/** The newest row of an upload order is told by its time. */
const mostSkewMs = 5_000;

export const runningRoles: DoctorCheck = {
  id: 'running-roles',
  title: 'running roles',
  tests:
    'Asks every role that runs on the database of upload orders to answer, and compares what it says with what is configured here: version, IMPORTER_ENABLED, database of runs, base_dir, and its clock with the database.',
  roles: ['worker', 'importer', 'web'],
  needs: ['orders-database', 'runs-database'],
  limitMs: 60_000,
  run: async ({ orders, runs, config, answerMs, roles }) => {
    if (!orders) return { outcome: 'skipped', found: 'no database of upload orders is configured' };
    const expected = await expectedRoles(orders, config.importerEnabled);
    const answers = await callRoll(orders, {
      waitMs: answerMs,
      enough: (all) => !missing(expected, all).length,
    });
    const all = answers.map((a) => nameOf(a)).join('; ');
    if (!answers.length)
      return {
        outcome: 'warning',
        found: 'none answered in this database',
        remedy: 'Start the roles. If they run, their INGEST_TRACKING_DB_URL names another database than the one here.',
        who: 'admin',
      };
    const runsDatabase = runs && roles.some((r) => r !== 'importer') ? await identifyRuns(runs) : null;
    const wrong = answers.map((a) => compare(a, config, runsDatabase)).find((f) => f !== null);
    if (wrong) return wrong;
    const lacking = missing(expected, answers);
    if (!lacking.length) return { outcome: 'ok', found: all };
    return {
      outcome: 'warning',
      found: `${all}; no answer from: ${lacking.join(', ')}`,
      remedy: `Start what is missing; where it runs, its INGEST_TRACKING_DB_URL names another database. A Python worker never answers, and is no fault.`,
      who: 'admin',
    };
  },
};

function missing(expected: readonly Role[], answers: readonly RollAnswer[]): Role[] {
  return expected.filter((role) => !answers.some((a) => a.roles.includes(role)));
}

function nameOf({ roles, host, pid, detail }: RollAnswer): string {
  return `${roles.join('+')} on ${host} (process ${pid}, uid:gid ${detail.uid}:${detail.gid})`;
}

function compare(
  answer: RollAnswer,
  config: { readonly importerEnabled: boolean; readonly storage: { readonly baseDir: string } },
  runsDatabase: string | null,
): DoctorFinding | null {
  const { detail } = answer;
  const name = nameOf(answer);
  if (detail.version !== productVersion)
    return {
      outcome: 'warning',
      found: `${name} is of version ${detail.version}, this is ${productVersion}`,
      remedy: 'Upgrade all roles to one version, and start them again.',
      who: 'admin',
    };
  if (detail.importerEnabled !== config.importerEnabled)
    return {
      outcome: 'problem',
      found: `IMPORTER_ENABLED is ${String(detail.importerEnabled)} for ${name}, and ${String(config.importerEnabled)} here`,
      remedy:
        "Set it to the same value for all roles. The worker's decides: where it is off there, results are uploaded through OMERO, whatever web and importer say.",
      who: 'admin',
    };
  if (runsDatabase !== null && detail.runsDatabase !== null && detail.runsDatabase !== runsDatabase)
    return {
      outcome: 'problem',
      found: `${name} uses another database of runs than this`,
      remedy: 'Give worker and web the same SQLALCHEMY_URL: by it pages show the runs that the worker works on.',
      who: 'admin',
    };
  const { baseDir } = config.storage;
  if (baseDir && detail.baseDir && detail.baseDir !== baseDir)
    return {
      outcome: 'problem',
      found: `base_dir is ${detail.baseDir} for ${name}, and ${baseDir} here`,
      remedy:
        'Give all roles the same settings.yml, and mount the storage at the same path for all (by default /data).',
      who: 'admin',
    };
  const ahead = detail.clock - answer.answeredAt;
  if (Math.abs(ahead) > mostSkewMs)
    return {
      outcome: 'problem',
      found: `the clock of ${name} is ${Math.abs(ahead / 1000).toFixed(1)} s ${ahead > 0 ? 'ahead of' : 'behind'} the database`,
      remedy: 'Let both follow the same time server (chrony or systemd-timesyncd).',
      who: 'it',
    };
  return null;
}
