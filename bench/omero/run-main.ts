/**
 * `npm run bench:omero`: our Ice client beside ZeroC's for Python, through the same router to the same servants, in one
 * run. `-- --quick` takes a tenth and one round; `-- --write` puts the table into docs/reference/performance-omero.md.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ownProgram, packageFile } from '../../src/lib/package-root.ts';
import { findExecutable } from '../../test/support/optional-part.ts';
import { machineLine, markdownTable, measureCommand, median, type Measured } from '../support/measure.ts';
import { writeTable } from '../support/write-table.ts';
import { startPeers } from './peers.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
  },
});
const python = '/usr/bin/python3';
const router = findExecutable('glacier2router');
if (router === null) throw new Error('glacier2router is missing: apt-get install zeroc-glacier2 python3-zeroc-ice');

const rounds = values.quick ? 1 : Number(values.rounds);
const scale = values.quick ? 0.1 : 1;
const clients = {
  ours: ownProgram('bench/omero/client-main'),
  zeroc: [python, packageFile('bench', 'omero', 'zeroc_client.py')],
} as const;
type Client = keyof typeof clients;
interface Run extends Measured {
  figures: { seconds?: number; each?: number[] };
}

const folder = mkdtempSync(join(tmpdir(), 'biomero-bridge-bench-'));
const peers = await startPeers(router, python, folder);
try {
  const load = (loadavg()[0] ?? 0).toFixed(1);
  const ice = execFileSync(python, ['-c', 'import Ice; print(Ice.stringVersion())'], { encoding: 'utf8' }).trim();
  const rows = [['', 'ours', "ZeroC's for Python", 'ours / ZeroC'], ...(await timed()), ...(await memory())];
  const head = `${machineLine()}; ZeroC Ice ${ice}; load ${load} at the start; median of ${rounds}, the clients in turn.`;
  const table = `${head}\n\n${markdownTable(rows)}`;
  process.stdout.write(`${table}\n`);
  if (values.write) writeTable('performance-omero.md', 'bench:omero', table);
} finally {
  peers.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function timed(): Promise<string[][]> {
  const latency = await both('latency', 2_000 * scale);
  const each = (client: Client, share: number): number =>
    median(
      latency[client].map(
        ({ figures: { each: all = [] } }) => all.toSorted((a, b) => a - b)[Math.floor(all.length * share)] ?? 0,
      ),
    );
  const perSecond = (client: Client): number =>
    median(
      latency[client].map(({ figures: { each: all = [] } }) => (all.length * 1000) / all.reduce((a, b) => a + b, 0)),
    );
  const flight = await both('in-flight', 10_000 * scale);
  const links = await both('links', 2_000 * scale);
  const answer = await both('rows', 20_000 * scale);
  const seconds = (runs: Run[]): number => median(runs.map((r) => r.figures.seconds ?? Number.NaN));
  return [
    row('one call after the other, median, ms', each('ours', 0.5), each('zeroc', 0.5), 2),
    row('… 99 of 100 are faster than, ms', each('ours', 0.99), each('zeroc', 0.99), 2),
    row('… calls per second', perSecond('ours'), perSecond('zeroc'), 0),
    row(
      '64 calls in flight, calls per second',
      (10_000 * scale) / seconds(flight.ours),
      (10_000 * scale) / seconds(flight.zeroc),
      0,
    ),
    row(`${2_000 * scale} links with 10 pairs each in one save, s`, seconds(links.ours), seconds(links.zeroc), 3),
    row(`${20_000 * scale} rows of 3 columns in one answer, s`, seconds(answer.ours), seconds(answer.zeroc), 3),
  ];
}

async function memory(): Promise<string[][]> {
  const idle = await both('idle', 0);
  const full = await both('once', 20_000 * scale);
  const peak = (runs: Run[]): number => median(runs.map((r) => r.peakBytes)) / 2 ** 20;
  return [
    row('most memory of the process, signed in, MiB', peak(idle.ours), peak(idle.zeroc), 0),
    row(`… with ${20_000 * scale} rows in one answer, MiB`, peak(full.ours), peak(full.zeroc), 0),
  ];
}

async function both(name: string, count: number): Promise<Record<Client, Run[]>> {
  const runs: Record<Client, Run[]> = { ours: [], zeroc: [] };
  for (let round = 0; round < rounds; round++)
    for (const client of ['ours', 'zeroc'] as const) {
      const measured = await measureCommand([...clients[client], name, String(peers.port), String(count)]);
      runs[client].push({ ...measured, figures: JSON.parse(measured.stdout) as Run['figures'] });
    }
  return runs;
}

function row(what: string, ours: number, zeroc: number, digits: number): string[] {
  return [what, ours.toFixed(digits), zeroc.toFixed(digits), (ours / zeroc).toFixed(2)];
}
