import { printable } from '../domain/errors.ts';
import type { ActAs, CheckResult } from '../omero/check/check.ts';
import { runChecks, type CheckReport } from '../omero/check/run-checks.ts';
import { CheckPrinter, countsLine } from './check-printer.ts';
import { loadOmeroConfig } from './site.ts';
import { untilSignal } from './signals.ts';

export interface OmeroCheckOptions {
  readonly user?: string;
  readonly group?: string;
  readonly json?: boolean;
  readonly data: string;
}

/** `omero check`: exit code 0 when nothing failed, 1 when something did, 130 when it was interrupted. */
export async function omeroCheck(options: OmeroCheckOptions): Promise<void> {
  const { config, sample } = await loadOmeroConfig(options.data);
  const actAs = actAsOf(options) ?? sample;
  const stop = new AbortController();
  // After the first signal the check still removes what it made; a second one ends it at once.
  void untilSignal().then(() => stop.abort(new Error('interrupted')));
  // Nobody reads on, as after `| head`: the same.
  process.stdout.on('error', () => stop.abort(new Error('nobody reads the output')));
  const { host, port, user } = config.omero;
  const server = `${host}:${port}`;
  const printer = options.json ? null : new CheckPrinter(process.stdout);
  printer?.say(`OMERO at ${server} as ${printable(user)}${actAs ? `, for ${nameOf(actAs)}` : ''}\n`);
  const report = await runChecks({
    config,
    actAs,
    signal: stop.signal,
    onStart: (check) => printer?.begin(check.title),
    onResult: (result) => printer?.end(result),
  });
  if (printer) printer.say(`\n${countsLine(report.results)}`);
  else process.stdout.write(`${JSON.stringify(jsonOf(report, { server, account: user, ...actAs }), null, 2)}\n`);
  process.exitCode = report.interrupted ? 130 : report.passed ? 0 : 1;
}

function actAsOf({ user, group }: OmeroCheckOptions): ActAs | null {
  return user !== undefined && group !== undefined ? { user, group } : null;
}

function nameOf({ user, group }: ActAs): string {
  return `${printable(user)} in ${printable(group)}`;
}

function jsonOf(
  report: CheckReport,
  about: { server: string; account: string; user?: string; group?: string },
): Record<string, unknown> {
  const { passed, interrupted, left } = report;
  const checks: CheckResult[] = report.results;
  return { ...about, passed, interrupted, checks, left };
}
