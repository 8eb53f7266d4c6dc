import { join, resolve } from 'node:path';
import { readConfig } from '../config/load.ts';
import { roles as everyRole, type Role } from '../config/roles.ts';
import type { DoctorResult } from '../doctor/check.ts';
import { doctorDefaults, exitCodeOf, runDoctor } from '../doctor/run-doctor.ts';
import type { Fixer } from '../domain/errors/define.ts';
import { sampleGroup, sampleUser } from '../embedded/environment.ts';
import { slurmEnvironment } from '../embedded/slurm/slurm.ts';
import { openPool, type Pool } from '../lib/database.ts';
import { createLogger } from '../lib/logger.ts';
import { OmeroAccess } from '../omero/access.ts';
import { openTransport } from '../slurm/transport.ts';
import { CheckPrinter, countsLine } from './check-printer.ts';
import { untilSignal } from './signals.ts';
import { siteEnvironment } from './site.ts';

export interface DoctorCommandOptions {
  role?: Role[];
  json?: boolean;
  fix?: boolean;
  probe?: boolean;
  smoke?: boolean;
  user?: string;
  group?: string;
  data: string;
}

/** `doctor`: exit code 0 no problem, 1 a problem, 2 no problem but something could not be told. */
export async function doctor(options: DoctorCommandOptions): Promise<void> {
  const roles = options.role ?? everyRole;
  const { env, from } = await siteEnvironment(options.data);
  const { config, problems } = await readConfig(env, roles);
  const { user, group } = options;
  const sample = from === null ? null : { user: sampleUser, group: sampleGroup };
  const actAs = user !== undefined && group !== undefined ? { user, group } : sample;
  const log = createLogger({ level: 'silent', destination: process.stderr });
  const omero = new OmeroAccess(config.omero, log);
  const { runs: runsUrl, orders: ordersUrl } = config.databases;
  const open = (url: string): Pool | null => (url ? openPool(url, { max: 4 }) : null);
  const runs = open(runsUrl);
  const orders = ordersUrl === runsUrl ? runs : open(ordersUrl);
  const clusterEnv = from === null ? {} : { env: slurmEnvironment(join(resolve(options.data), 'cluster')) };
  const transport = roles.includes('worker') ? openTransport(config.slurm, { log, ...clusterEnv }) : null;
  try {
    const printer = options.json ? null : new CheckPrinter(process.stdout);
    printer?.say(from ? 'Looking at the quick start.\n' : `Looking at what this machine's ${roles.join(', ')} need.\n`);
    const stop = new AbortController();
    // After the first signal what was made is still removed; a second one ends it at once.
    void untilSignal().then(() => stop.abort(new Error('interrupted')));
    // Nobody reads on, as after `| head`: the same.
    process.stdout.on('error', () => stop.abort(new Error('nobody reads the output')));
    const chosen = { signal: stop.signal, probe: options.probe ?? false, smoke: options.smoke ?? false, actAs };
    const site = { ...doctorDefaults, config, problems, roles, runs, orders, omero, transport, log, ...chosen };
    const results = await runDoctor(site, {
      fix: options.fix ?? false,
      onStart: (check) => printer?.begin(check.title),
      onResult: (result) => printer?.end(asPrinted(result)),
    });
    process.exitCode = stop.signal.aborted ? 130 : exitCodeOf(results);
    if (!printer) {
      process.stdout.write(`${JSON.stringify({ roles, exitCode: process.exitCode, checks: results }, null, 2)}\n`);
      return;
    }
    printer.say(`\n${countsLine(results.map(asPrinted))}`);
  } finally {
    await omero.close();
    await transport?.close();
    for (const pool of new Set([runs, orders])) await pool?.end();
  }
}

const people: Readonly<Record<Fixer, string>> = {
  researcher: 'researcher',
  admin: 'facility admin',
  it: "the site's IT",
  developer: 'developer',
};
const outcomes = {
  ok: 'passed',
  warning: 'warning',
  problem: 'failed',
  skipped: 'skipped',
  unknown: 'warning',
} as const;

function asPrinted(result: DoctorResult) {
  const { outcome, found, fixed, remedy, who } = result;
  const detail = `${fixed ? `mended: ${fixed}; now ` : ''}${outcome === 'unknown' ? 'could not be told: ' : ''}${found}`;
  return {
    ...result,
    outcome: outcomes[outcome],
    detail,
    remedy: remedy && who ? `${remedy} (Who: ${people[who]})` : remedy,
  };
}
