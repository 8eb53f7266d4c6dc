import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import type { Logger } from 'pino';
import { startApp, type App } from '../app.ts';
import { loadConfig } from '../config/load.ts';
import { bridgeError, describeError, isBridgeError } from '../domain/errors.ts';
import { prepareDataFolder } from '../embedded/data-folder.ts';
import { quickStartEnvironment } from '../embedded/environment.ts';
import { startServers, type QuickStart } from '../embedded/quick-start.ts';
import { countMeasured } from '../embedded/sample/count-measured.ts';
import { ensureSample } from '../embedded/sample/sample-run.ts';
import { createLogger } from '../lib/logger.ts';
import { readRunView } from '../runs/read-view.ts';
import type { RunView } from '../runs/view.ts';
import { adoptStorage } from '../storage/adopt.ts';
import { formatDuration } from './format.ts';
import { RunPrinter } from './run-printer.ts';
import { runReport, type ReadAnnotation } from './run-report.ts';
import { untilSignal } from './signals.ts';
import type { StartOptions } from './start.ts';

/** Exit code of a start whose time is over. */
const stillWaiting = 75;

/** Everything in this process, by whichever user it is, until the run has ended or somebody ends it. */
export async function startHere(dataFolder: string, options: StartOptions): Promise<void> {
  prepareDataFolder(dataFolder, null);
  process.umask(0o022);
  const printer = new RunPrinter(process.stdout);
  const stop = new AbortController();
  const signalled = untilSignal().then((why) => {
    stop.abort(new Error(why));
    return why;
  });
  const began = Date.now();
  const logFile = createWriteStream(`${dataFolder}/bridge.log`, { flags: 'a', mode: 0o600 });
  const log = createLogger({ level: process.env['BIOMERO_BRIDGE_LOG_LEVEL'] ?? 'info', destination: logFile });
  printer.say(`Data folder ${dataFolder}`);
  const { servers, app } = await startEverything(dataFolder, log);
  try {
    const address = app.web?.address ?? '';
    printer.say(`Ready after ${formatDuration(Date.now() - began)}: ${address}/?token=${app.config.web.token ?? ''}`);
    process.exitCode = await Promise.race([
      watchSample(app, options, servers.storage, printer, stop.signal, address),
      app.failed,
      signalled.then(() => 0),
    ]);
    if (!options.once && !stop.signal.aborted) {
      printer.say(`\nServing ${address}; end with Ctrl-C.`);
      await Promise.race([signalled, app.failed]);
    }
  } finally {
    if (stop.signal.aborted) printer.say('Ending …');
    stop.abort();
    await app.close();
    await servers.close();
    logFile.end();
  }
}

/** Servers, then the product on them. A port that another program took meanwhile is replaced by another one. */
async function startEverything(dataFolder: string, log: Logger): Promise<{ servers: QuickStart; app: App }> {
  for (let attempt = 1; ; attempt++) {
    let servers: QuickStart | null = null;
    try {
      servers = await startServers(dataFolder, log);
      const config = await loadConfig(quickStartEnvironment(process.env, servers.env));
      const { clusterEnv } = servers;
      const app = await startApp({ config, roles: ['worker', 'importer', 'web'], log, clusterEnv });
      // Refused when somebody removed it since the last start; runs then say so.
      await adoptStorage(app.runs, servers.storage).catch((error: unknown) => log.error(describeError(error)));
      return { servers, app };
    } catch (error) {
      await servers?.close();
      const portTaken = isBridgeError(error, 'PORT_TAKEN') || (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!portTaken || attempt === 3) throw error;
    }
  }
}

/** Brings the sample run to its end while showing it; returns the exit code that `--once` ends with. */
async function watchSample(
  app: App,
  options: StartOptions,
  storage: string,
  printer: RunPrinter,
  signal: AbortSignal,
  address: string,
): Promise<number> {
  const sample = await ensureSample(app, {
    storage,
    seed: options.seed,
    input: options.input && resolve(options.input),
    say: (text) => printer.say(text),
    signal,
  });
  const sources = { runs: app.runs, orders: app.orders };
  const deadline = Date.now() + options.timeLimit * 1000;
  let view: RunView | null = null;
  while (!signal.aborted) {
    view = await readRunView(sources, sample.runId);
    if (!view) throw bridgeError('RUN_NOT_FOUND', { run: sample.runId });
    printer.show(view);
    if (view.endedAt !== null) break;
    if (options.once && Date.now() > deadline) {
      printer.say(`Still waiting after ${options.timeLimit} s: ${view.sentence}`);
      return stillWaiting;
    }
    await new Promise((r) => setTimeout(r, 200));
  }
  if (!view || signal.aborted) return 0;
  printer.say(`\n${runReport(view, await readAnnotations(app, view), address)}`);
  if (view.state !== 'done') return 1;
  // On the classic way the table is attached in OMERO, and not kept here.
  if (sample.truth && view.archive) printer.say(await countReport(view, sample.truth));
  return 0;
}

async function readAnnotations(app: App, view: RunView): Promise<ReadAnnotation[]> {
  const ids = view.results.flatMap((r) => r.imageIds);
  return ids.length ? (await app.omero.admin()).mapAnnotations('Image', ids) : [];
}

/** How many nuclei the workflow found, beside how many the sample images really show. */
async function countReport(view: RunView, truth: Map<string, number>): Promise<string> {
  const found = await countMeasured(view);
  const real = [...truth.values()].reduce((sum, n) => sum + n, 0);
  return `Nuclei found: ${found}; in the sample images there are ${real}.`;
}
