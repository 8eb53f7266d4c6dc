import { bridgeError, printable } from '../domain/errors.ts';
import { everyRun, findVisibleRuns } from '../runs/list-runs.ts';
import { findRuns } from '../runs/read-runs.ts';
import { readRunView, summariesOf } from '../runs/read-view.ts';
import { formatTable } from './format.ts';
import { runReport } from './run-report.ts';
import { openSite, type Site } from './site.ts';

const openStates = ['running', 'attention'] as const;

/** `status [RUN]`. */
export async function status(
  run: string | undefined,
  options: { json?: boolean; open?: boolean; data: string },
): Promise<void> {
  const site = await openSite(options.data);
  try {
    const text =
      run === undefined
        ? await list(site, options.open ?? false, options.json ?? false)
        : await one(site, run, options.json ?? false);
    process.stdout.write(`${text}\n`);
  } finally {
    await site.close();
  }
}

async function list(site: Site, open: boolean, json: boolean): Promise<string> {
  const summaries = await summariesOf(
    site.runs,
    await findVisibleRuns(site.runs, { ...everyRun, states: open ? openStates : null }, 50, null),
  );
  if (json) return JSON.stringify(summaries, null, 2);
  if (!summaries.length && open) return 'No run is open. All runs: biomero-bridge status';
  if (!summaries.length)
    return 'No runs yet. Start one with: biomero-bridge run WORKFLOW --dataset ID --user NAME --group NAME';
  return formatTable([
    ['RUN', 'LAUNCHED', 'WORKFLOW', 'GROUP', 'USER', 'STATE', ''],
    ...summaries.map((s) => [
      s.id.slice(0, 8),
      s.launchedAt.slice(0, 16).replace('T', ' '),
      printable(s.workflow),
      printable(s.group),
      printable(s.user),
      s.state,
      printable(s.sentence),
    ]),
  ]);
}

async function one(site: Site, run: string, json: boolean): Promise<string> {
  const id = await theRun(site, run);
  const view = await readRunView({ runs: site.runs, orders: site.orders }, id);
  if (!view) throw bridgeError('RUN_NOT_FOUND', { run });
  return json ? JSON.stringify(view, null, 2) : runReport(view, null, null);
}

/** The one run that an id or its first characters name. */
export async function theRun(site: Site, idStart: string): Promise<string> {
  const found = await findRuns(site.runs, idStart);
  if (found.length > 1) throw bridgeError('RUN_AMBIGUOUS', { run: idStart, runs: found.map((r) => r.id).join(', ') });
  const [run] = found;
  if (!run) throw bridgeError('RUN_NOT_FOUND', { run: idStart });
  return run.id;
}
