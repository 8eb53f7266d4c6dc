/**
 * `npm run bench:archive`: unpacking and bringing home beside the programs that people use now, in one run, as ratios.
 * `-- --help` lists the options.
 */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hasExecutable } from '../../test/support/optional-part.ts';
import { sshIsInstalled } from '../../test/support/ssh-server.ts';
import { endCommands, machineLine, markdownTable } from '../support/measure.ts';
import { writeTable } from '../support/write-table.ts';
import { benchHome, homeWays } from './home.ts';
import { homeSets, shrink, unpackSets, type DataSet } from './sets.ts';
import { benchUnpack, unpackers, type Timed, type Unpacker } from './unpack.ts';

const allNames = [...unpackSets, ...homeSets].map((s) => s.name).join(',');
const { values } = parseArgs({
  options: {
    sets: { type: 'string', default: allNames },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    folder: { type: 'string', default: tmpdir() },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const wanted = new Set(values.sets.split(','));
const rounds = values.quick ? 1 : Number(values.rounds);
const say = (text: string): void => void process.stderr.write(`${text}\n`);

if (values.help) {
  say(`--sets a,b     of ${allNames}
--quick        an eighth of each set, one round
--rounds N     of which the median is taken (3)
--folder DIR   where to work; up to 16 GB are written there and removed
--write        put the tables into docs/reference/performance-archive.md`);
} else {
  const root = mkdtempSync(join(values.folder, 'biomero-bridge-bench-'));
  const clear = (): void => rmSync(root, { recursive: true, force: true });
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      endCommands();
      clear();
      process.exit(130);
    });
  try {
    await bench(root);
  } finally {
    clear();
  }
}

async function bench(root: string): Promise<void> {
  const inMemory = statfsSync(root).type === 0x01021994;
  const busy = loadavg()[0] ?? 0;
  const tables = [
    `${machineLine()}; working ${inMemory ? 'in memory (tmpfs)' : 'on disk'}; load ${busy.toFixed(1)} at the start; ${rounds === 1 ? 'one round' : `median of ${rounds} rounds`}.`,
    await unpackTable(root),
    await homeTable(root),
  ];
  const text = tables.filter(Boolean).join('\n\n');
  process.stdout.write(`${text}\n`);
  if (values.write) writeTable('performance-archive.md', 'bench:archive', text);
}

async function unpackTable(root: string): Promise<string> {
  const ways = (Object.keys(unpackers) as Unpacker[]).filter((way) => {
    const program = way === 'unzip' ? 'unzip' : way === '7z x' ? '7z' : 'python3';
    return way === 'this product' || hasExecutable(program);
  });
  const rows: string[][] = [];
  for (const set of chosen(unpackSets)) {
    requireRoom(root, set);
    const { results } = await benchUnpack(set, ways, { folder: root, rounds, say });
    rows.push(rowOf(set, ways, results));
  }
  return rows.length ? markdownTable([['unpack', ...ways, 'rate', 'peak memory'], ...rows]) : '';
}

async function homeTable(root: string): Promise<string> {
  const rows: string[][] = [];
  if (!sshIsInstalled || !hasExecutable('7z')) return '';
  for (const set of chosen(homeSets)) {
    requireRoom(root, set);
    rows.push(rowOf(set, homeWays, await benchHome(set, { folder: root, rounds, say })));
  }
  return rows.length ? markdownTable([['bring home', ...homeWays, 'rate', 'peak memory'], ...rows]) : '';
}

function chosen(sets: readonly DataSet[]): DataSet[] {
  return sets.filter((s) => wanted.has(s.name)).map((s) => (values.quick ? shrink(s, 8) : s));
}

function requireRoom(root: string, set: DataSet): void {
  const needed = set.files * Math.max(set.bytes, 4096) * 3.2;
  const { bavail, bsize } = statfsSync(root);
  if (bavail * bsize < needed) throw new Error(`${root} has no room for "${set.title}": ${needed} bytes are needed`);
}

/** Seconds of every way; of the others also how many times ours they take. */
function rowOf<Way extends string>(set: DataSet, ways: readonly Way[], results: ReadonlyMap<Way, Timed>): string[] {
  const ours = results.get('this product' as Way);
  if (!ours) throw new Error('not measured');
  const cells = ways.map((way) => {
    const found = results.get(way);
    if (!found) return '–';
    return `${found.seconds.toFixed(2)} s${found === ours ? '' : ` (${(found.seconds / ours.seconds).toFixed(2)}×)`}`;
  });
  const rate =
    set.files > 1000
      ? `${Math.round(set.files / ours.seconds)} files/s`
      : `${Math.round((set.files * set.bytes) / ours.seconds / 1e6)} MB/s`;
  return [set.title, ...cells, rate, `${Math.round(ours.peakBytes / 1e6)} MB`];
}
