/**
 * `npm run bench:web`: the web role as one process on a database of 100,000 runs: how fast lists are answered, what 200
 * open pages cost, and how soon a change of a run is seen. Beside each figure stands a floor of the same run: the bare
 * query, the bare notification. `-- --help` lists the options.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { pino } from 'pino';
import { startPostgres } from '../../src/embedded/postgres/manager.ts';
import { openPool, type Pool } from '../../src/lib/database.ts';
import { migrate } from '../../src/lib/migrate.ts';
import { ownProgram } from '../../src/lib/package-root.ts';
import { ensureImports } from '../../src/orders/ensure-imports.ts';
import { browserPath, startBrowser } from '../../test/support/browser.ts';
import { serverUser } from '../../test/support/server-user.ts';
import { percentile } from '../orders/burst.ts';
import { machineLine, markdownTable } from '../support/measure.ts';
import { writeTable } from '../support/write-table.ts';
import { changeRun, insertOpenRun, insertRuns } from './runs.ts';
import { OpenStream } from './streams.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    streams: { type: 'string', default: '200' },
    requests: { type: 'string', default: '200' },
    changes: { type: 'string', default: '40' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const [runCount, streamCount, requestCount, changeCount] = [
  Number(values.runs),
  Number(values.streams),
  Number(values.requests),
  Number(values.changes),
];
const token = 'benchmark-token-of-the-web-role';
const say = (text: string): void => void process.stderr.write(`${text}\n`);

if (values.help)
  say(`--runs N      runs in the database (100000)
--streams N   pages that are open (200)
--requests N  requests for each kind of list (200)
--changes N   changes of a run, one after the other (40)
--write       put the tables into docs/reference/performance-web.md`);
else await bench();

async function bench(): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'biomero-bridge-bench-'));
  chmodSync(root, 0o755);
  const postgres = await startPostgres({
    dataDir: join(root, 'postgres'),
    runAs: serverUser,
    log: pino({ level: 'silent' }),
  });
  let server: Server | null = null;
  try {
    await postgres.ensureDatabase('bench');
    const url = postgres.url('bench');
    const pool = openPool(url, { max: 4 });
    await migrate(pool, 'runs');
    await ensureImports(pool);
    say(`entering ${runCount} runs`);
    await insertRuns(pool, runCount);
    server = await startServer(url, root);
    const tables = [machineLine(), await lists(pool, server)];
    // Another process: what the lists left in memory would hide what pages cost.
    server.process.kill('SIGKILL');
    server = await startServer(url, root);
    tables.push(await streams(pool, url, server));
    await pool.end();
    const text = tables.join('\n\n');
    process.stdout.write(`${text}\n`);
    if (values.write) writeTable('performance-web.md', 'bench:web', text);
  } finally {
    server?.process.kill('SIGKILL');
    await postgres.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

interface Server {
  process: ChildProcess;
  address: string;
  cookie: string;
}

async function startServer(databaseUrl: string, root: string): Promise<Server> {
  const [program = '', ...args] = ownProgram('bench/web/server-main');
  const options = JSON.stringify({ databaseUrl, token, cacheFolder: root });
  const child = spawn(program, [...args, options], { stdio: ['pipe', 'pipe', 'inherit'] });
  const address = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    child.stdout.once('data', (text) => resolve(String(text).trim()));
  });
  const signIn = await fetch(`${address}/?token=${token}`, { redirect: 'manual' });
  return { process: child, address, cookie: signIn.headers.get('set-cookie')?.split(';')[0] ?? '' };
}

/** Lists as pages ask for them, and the bare query of a page as the floor. */
async function lists(pool: Pool, { address, cookie }: Server): Promise<string> {
  const get = async (path: string): Promise<{ next?: string | null }> => {
    const response = await fetch(address + path, { headers: { cookie } });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return (await response.json()) as { next?: string | null };
  };
  const { rows } = await pool.query<{ id: string }>(
    'select id from bridge.runs order by launched_at desc, id desc offset $1 limit 1',
    [Math.floor(runCount / 2)],
  );
  const bare = (): Promise<unknown> =>
    pool.query('select * from bridge.runs order by launched_at desc, id desc limit 51');
  const kinds: [string, () => Promise<unknown>][] = [
    ['floor: the bare query of a page', bare],
    ['first page', () => get('/api/runs')],
    ['a page in the middle', () => get(`/api/runs?cursor=${rows[0]?.id ?? ''}`)],
    ['one group', () => get('/api/runs?group=group%207')],
    ['one user of one workflow', () => get('/api/runs?user=user-3&workflow=workflow-3')],
    ['failed', () => get('/api/runs?state=failed')],
    ['part of a name, found often', () => get('/api/runs?text=plate%2042')],
    ['part of a name, found nowhere', () => get('/api/runs?text=no%20such%20plate')],
    ['counts by state', () => get('/api/runs/counts')],
    ['names for the filters', () => get('/api/runs/names')],
  ];
  const table = [[`${runCount.toLocaleString('en')} runs`, 'p50, ms', 'p95, ms', 'p95 / floor']];
  let floor = 0;
  for (const [name, ask] of kinds) {
    for (let i = 0; i < 10; i++) await ask();
    const times: number[] = [];
    for (let i = 0; i < requestCount; i++) {
      const from = performance.now();
      await ask();
      times.push(performance.now() - from);
    }
    const [p50, p95] = [percentile(times, 0.5), percentile(times, 0.95)];
    floor ||= p95;
    table.push([name, p50.toFixed(1), p95.toFixed(1), `${(p95 / floor).toFixed(1)} ×`]);
    say(`${name}: ${p95.toFixed(1)} ms`);
  }
  return markdownTable(table);
}

/** Open pages: half of them the list, half one run; and a page in a browser. */
async function streams(pool: Pool, url: string, server: Server): Promise<string> {
  const id = await insertOpenRun(pool);
  // What the first requests load is no cost of an open page.
  for (let i = 0; i < 20; i++) await fetch(`${server.address}/api/runs/${id}`, { headers: { cookie: server.cookie } });
  await sleep(1_000);
  const before = memoryOf(server.process);
  const open: OpenStream[] = [];
  for (let i = 0; i < streamCount; i++)
    open.push(await OpenStream.open(`${server.address}/api/${i % 2 ? `runs/${id}/` : ''}events`, server.cookie));
  await sleep(2_000);
  const idle = await processorOf(server.process, 10_000);
  const after = memoryOf(server.process);
  const listener = new Client({ connectionString: url });
  await listener.connect();
  await listener.query('listen bridge_runs');
  let rang = 0;
  listener.on('notification', () => (rang = performance.now()));
  const browser = browserPath === null ? null : await startBrowser();
  const page = await browser?.newPage();
  await page?.goto(`${server.address}/?token=${token}`);
  await page?.goto(`${server.address}/runs/${id}`);
  await page?.getByRole('heading', { name: /nuclei/ }).waitFor();
  const [bare, ofRun, shown]: [number[], number[], number[]] = [[], [], []];
  for (let n = 0; n < changeCount; n++) {
    const text = `change number ${n} of the benchmark`;
    for (const stream of open) stream.want(text);
    const painted = page?.evaluate<number>(watchFor(text));
    await sleep(300);
    const from = performance.now();
    const fromDate = performance.timeOrigin + from;
    await changeRun(pool, id, text);
    const pages = open.filter((_, i) => i % 2);
    while (pages.some((s) => s.arrivedAt(text) === null) && performance.now() - from < 10_000) await sleep(5);
    bare.push(rang - from);
    for (const stream of pages) ofRun.push((stream.arrivedAt(text) ?? Infinity) - from);
    if (painted) shown.push((await painted) - fromDate);
  }
  await browser?.close();
  await listener.end();
  for (const stream of open) stream.close();
  const row = (name: string, times: number[]): string[] => [
    name,
    percentile(times, 0.5).toFixed(0),
    percentile(times, 0.95).toFixed(0),
    Math.max(...times).toFixed(0),
    `${(percentile(times, 0.95) / percentile(bare, 0.95)).toFixed(1)} ×`,
  ];
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(0);
  return [
    markdownTable([
      [`change of a run, ${streamCount} pages open`, 'p50, ms', 'p95, ms', 'most, ms', 'p95 / floor'],
      row('floor: the bare notification', bare),
      row(`on each of ${Math.floor(streamCount / 2)} streams of that run`, ofRun),
      ...(shown.length ? [row('on the page in Chromium', shown)] : []),
    ]),
    markdownTable([
      ['the server', ''],
      ['memory before the pages were opened, MB', mb(before)],
      [`with ${streamCount} open, MB`, mb(after)],
      ['per page, kB', ((after - before) / streamCount / 1e3).toFixed(0)],
      [`processor while nothing changes, % of one`, idle.toFixed(1)],
    ]),
  ].join('\n\n');
}

/** Script that resolves with the time at which a text is on the page, after it was painted. */
function watchFor(text: string): string {
  return `new Promise((resolve) => {
    const look = () => {
      if (!document.body.textContent.includes(${JSON.stringify(text)})) return false;
      observer.disconnect();
      requestAnimationFrame(() => resolve(performance.timeOrigin + performance.now()));
      return true;
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  })`;
}

function memoryOf(child: ChildProcess): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

/** Processor time of a process over a while, in percent of one processor. */
async function processorOf(child: ChildProcess, ms: number): Promise<number> {
  const ticks = (): number => {
    const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  };
  const from = ticks();
  await sleep(ms);
  // Linux counts in hundredths of a second.
  return ((ticks() - from) * 10 * 100) / ms;
}
