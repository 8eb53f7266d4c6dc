/**
 * `npm run bench:orders`: our importer beside BIOMERO's own (the package as it is shipped: its 1.4.2 gives each
 * worker connections of its own, without which earlier ones could not end a burst), each as one process with four
 * workers on the same PostgreSQL, each with OMERO replaced at the same place: opening a session costs nothing, importing
 * a file costs the same sleep. `-- --help` lists the options.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { startPostgres } from '../../src/embedded/postgres/manager.ts';
import { openPool, type Pool } from '../../src/lib/database.ts';
import { ownProgram } from '../../src/lib/package-root.ts';
import { ensureImports } from '../../src/orders/ensure-imports.ts';
import { installTrigger } from '../../src/orders/trigger.ts';
import { hasPythonImporter, PythonImporter } from '../../test/support/python-importer.ts';
import { serverUser } from '../../test/support/server-user.ts';
import { machineLine, markdownTable } from '../support/measure.ts';
import { writeTable } from '../support/write-table.ts';
import { insertOrders, percentile, startLatencies, untilClosed, wronglyEnded } from './burst.ts';

const { values } = parseArgs({
  options: {
    burst: { type: 'string', default: '2000' },
    singles: { type: 'string', default: '40' },
    seconds: { type: 'string', default: '0.02' },
    start: { type: 'string', default: '0.1' },
    parts: { type: 'string', default: 'bare,burst,starts,counts,latency' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const workers = 4;
const cost = Number(values.seconds);
const startsPerFile = 2;
const onlyFiles = { file: cost, process: 0 };
const parts = new Set(values.parts.split(','));

interface Side {
  name: string;
  start(
    url: string,
    storage: string,
    /** Seconds. */
    costs: { file: number; process: number },
  ): Promise<{
    /** What is counted begins here. */
    mark(): Promise<void>;
    stop(): Promise<{ sessions: number; processes: number }>;
  }>;
}

const ours: Side = {
  name: 'biomero-bridge',
  async start(databaseUrl, storage, costs) {
    const [program = '', ...args] = ownProgram('bench/orders/importer-main');
    const options = JSON.stringify({ databaseUrl, storage, maxWorkers: workers, costs });
    const child: ChildProcess = spawn(program, [...args, options], { stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout?.on('data', (chunk) => (stdout += String(chunk)));
    return {
      // It counts from its own first order on; the one that warms it up is taken off at the end.
      mark: async () => undefined,
      async stop() {
        const ended = once(child, 'close');
        child.kill('SIGTERM');
        await ended;
        const counts = JSON.parse(stdout) as { sessions: number; processes: number };
        return { sessions: counts.sessions - 1, processes: counts.processes - 1 };
      },
    };
  },
};

const python: Side = {
  name: 'BIOMERO.importer',
  async start(url, _storage, { file, process }) {
    // By its code, each file is an import of its own that starts Java twice: `java -version`, then the importer.
    const seconds = file + startsPerFile * process;
    const service = await PythonImporter.start(url, { maxWorkers: workers, seconds });
    let before = 0;
    return {
      async mark() {
        before = (await service.counts()).imports;
      },
      async stop() {
        const { imports } = await service.counts();
        await service.stop(20_000);
        return { sessions: Number.NaN, processes: (imports - before) * startsPerFile };
      },
    };
  },
};

if (values.help)
  say(`--burst N      orders that are there at once (2000)
--singles N    orders placed one by one, for the time from insert to start (40)
--seconds S    what importing one file costs (0.02)
--start S      what starting an import process costs, where that is counted (0.1)
--parts A,B    bare (a burst where importing costs nothing), burst, starts, counts, latency (all)
--write        put the tables into docs/reference/performance-orders.md`);
else await bench();

async function bench(): Promise<void> {
  if (!hasPythonImporter) throw new Error('BIOMERO_PYTHON must name a Python with biomero-importer');
  const busy = loadavg()[0] ?? 0;
  const root = mkdtempSync(join(tmpdir(), 'biomero-bridge-bench-'));
  chmodSync(root, 0o755);
  const postgres = await startPostgres({
    dataDir: join(root, 'postgres'),
    runAs: serverUser,
    log: pino({ level: 'silent' }),
  });
  const storage = join(root, 'storage');
  mkdirSync(join(storage, 'g'), { recursive: true });
  let made = 0;
  /** Files that no order has asked for: what OMERO has already would cost our side nothing. */
  const newFiles = (count: number): string[] =>
    Array.from({ length: count }, () => {
      const file = join(storage, 'g', `${++made}.tif`);
      writeFileSync(file, '');
      return file;
    });
  const lists = (orders: number, perOrder = 1): string[][] => Array.from({ length: orders }, () => newFiles(perOrder));
  let number = 0;
  const database = async (): Promise<{ url: string; pool: Pool }> => {
    const name = `bench${++number}`;
    await postgres.ensureDatabase(name);
    const pool = openPool(postgres.url(name), { max: 4 });
    await ensureImports(pool);
    return { url: postgres.url(name), pool };
  };

  const burst = async (side: Side, costs: typeof onlyFiles, files: string[][]): Promise<string[]> => {
    const { url, pool } = await database();
    const running = await side.start(url, storage, costs);
    await warmUp(pool, lists);
    const uuids = await insertOrders(pool, files);
    const seconds = await untilClosed(pool, uuids, 600_000);
    const wrong = await wronglyEnded(pool, uuids);
    await running.stop();
    await pool.end();
    say(`${side.name}: burst ${seconds?.toFixed(1) ?? 'not in 600'} s`);
    return [
      seconds === null ? 'not in 10 min' : (uuids.length / seconds).toPrecision(3),
      `${wrong.lost} lost, ${wrong.failed} failed, ${wrong.twice} twice`,
    ];
  };

  const ten = async (side: Side): Promise<string[]> => {
    const { url, pool } = await database();
    const running = await side.start(url, storage, onlyFiles);
    await warmUp(pool, lists);
    await running.mark();
    const uuids = await insertOrders(pool, lists(10, 10));
    await untilClosed(pool, uuids, 300_000);
    const counts = await running.stop();
    await pool.end();
    return [String(counts.sessions), String(counts.processes)];
  };

  const latency = async (side: Side, way: 'poll' | 'trigger' | 'notify'): Promise<string[]> => {
    const { url, pool } = await database();
    if (way === 'trigger') await installTrigger(pool);
    const running = await side.start(url, storage, onlyFiles);
    await warmUp(pool, lists);
    const uuids: string[] = [];
    for (let i = 0; i < Number(values.singles); i++) {
      uuids.push(...(await insertOrders(pool, lists(1), { notify: way === 'notify' })));
      // Not in step with anybody's clock.
      await sleep(150 + ((i * 7919) % 400));
    }
    await untilClosed(pool, uuids, 120_000);
    const found = (await startLatencies(pool, uuids)).map((s) => s * 1000);
    await running.stop();
    await pool.end();
    say(`${side.name}, ${way}: p50 ${percentile(found, 0.5).toFixed(0)} ms`);
    return [`${percentile(found, 0.5).toFixed(0)} ms`, `${percentile(found, 0.95).toFixed(0)} ms`];
  };

  try {
    const tables = [
      `${machineLine()}; PostgreSQL 18; importing one file costs ${cost * 1000} ms; ${workers} workers each; load ${busy.toFixed(1)} at the start.`,
    ];
    const compare = async (title: string, costs: { file: number; process: number }, files: () => string[][]) => {
      const [mine, theirs] = [await burst(ours, costs, files()), await burst(python, costs, files())];
      tables.push(
        markdownTable([
          [title, 'biomero-bridge', 'BIOMERO.importer 1.4.2', 'ratio'],
          ['orders per second', mine[0] ?? '', theirs[0] ?? '', ratioOf(mine, theirs)],
          ['rows', mine[1] ?? '', theirs[1] ?? '', ''],
        ]),
      );
    };
    const many = (): string[][] => lists(Number(values.burst));
    if (parts.has('bare'))
      await compare(
        `${values.burst} orders of one file at once, importing costs nothing`,
        { file: 0, process: 0 },
        many,
      );
    if (parts.has('burst'))
      await compare(
        `${values.burst} orders of one file at once, importing one costs ${cost * 1000} ms`,
        onlyFiles,
        many,
      );
    if (parts.has('starts')) {
      const costs = { file: cost, process: Number(values.start) };
      const title = `60 orders of ten files at once, where starting a process costs ${costs.process * 1000} ms too`;
      await compare(title, costs, () => lists(60, 10));
    }
    if (parts.has('counts')) {
      const [mine, theirs] = [await ten(ours), await ten(python)];
      tables.push(
        markdownTable([
          ['100 files in 10 orders', 'biomero-bridge', 'BIOMERO.importer 1.4.2'],
          ['user sessions opened', mine[0] ?? '', 'not measured: inside what is replaced'],
          ['processes started for imports', mine[1] ?? '', `${theirs[1]} (two for each import that it made)`],
        ]),
      );
    }
    if (parts.has('latency')) {
      const rows: [string, string[]][] = [
        ['biomero-bridge, with our notify', await latency(ours, 'notify')],
        ['biomero-bridge, with the trigger', await latency(ours, 'trigger')],
        ['biomero-bridge, by poll only', await latency(ours, 'poll')],
        ['BIOMERO.importer', await latency(python, 'poll')],
      ];
      tables.push(
        markdownTable([['insert to Import Started', 'p50', 'p95'], ...rows.map(([n, cells]) => [n, ...cells])]),
      );
    }
    const text = tables.join('\n\n');
    process.stdout.write(`${text}\n`);
    if (values.write) writeTable('performance-orders.md', 'bench:orders', text);
  } finally {
    await postgres.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

function ratioOf([mine]: readonly string[], [theirs]: readonly string[]): string {
  const ratio = Number(mine) / Number(theirs);
  return Number.isFinite(ratio) ? `${ratio.toFixed(2)} ×` : '';
}

/** Until the importer has done one order: what follows is not the time it takes to start. */
async function warmUp(pool: Pool, lists: (orders: number) => string[][]): Promise<void> {
  for (;;) {
    const uuids = await insertOrders(pool, lists(1));
    if ((await untilClosed(pool, uuids, 5_000)) !== null) return;
  }
}
