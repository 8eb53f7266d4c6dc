/**
 * `npm run bench:archive`: unpacking and bringing home beside the programs that people use now, in one run, as ratios.
 * `-- --help` lists the options.
 */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hasExecutable } from '../../test/support/optional-part.ts';
import { machineLine, markdownTable } from '../support/measure.ts';
import { shrink, unpackSets } from './sets.ts';
import { benchUnpack, unpackers, type Unpacker } from './unpack.ts';

const { values } = parseArgs({
  options: {
    sets: { type: 'string', default: unpackSets.map((s) => s.name).join(',') },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    folder: { type: 'string', default: tmpdir() },
    help: { type: 'boolean', default: false },
  },
});
const say = (text: string): void => void process.stderr.write(`${text}\n`);
if (values.help) {
  say(`--sets a,b     of ${unpackSets.map((s) => s.name).join(', ')}
--quick        an eighth of each set, one round
--rounds N     of which the median is taken (3)
--folder DIR   where to work; up to 15 GB are written there and removed`);
} else {
  const root = mkdtempSync(join(values.folder, 'biomero-bridge-bench-'));
  const clear = (): void => rmSync(root, { recursive: true, force: true });
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
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
  const wanted = new Set(values.sets.split(','));
  const sets = unpackSets.filter((s) => wanted.has(s.name)).map((s) => (values.quick ? shrink(s, 8) : s));
  const ways = (Object.keys(unpackers) as Unpacker[]).filter((way) => {
    const program = way === 'unzip' ? 'unzip' : way === '7z x' ? '7z' : 'python3';
    return way === 'this product' || hasExecutable(program);
  });
  const rows = [['unpack', ...ways, 'rate', 'peak memory']];
  for (const set of sets) {
    const needed = set.files * Math.max(set.bytes, 4096) * 3.2;
    const { bavail, bsize } = statfsSync(root);
    if (bavail * bsize < needed) throw new Error(`${root} has no room for "${set.title}": ${needed} bytes are needed`);
    const rounds = values.quick ? 1 : Number(values.rounds);
    const { results } = await benchUnpack(set, ways, { folder: root, rounds, say });
    const ours = results.get('this product');
    if (!ours) throw new Error('not measured');
    const cells = ways.map((way) => {
      const seconds = results.get(way)?.seconds ?? Number.NaN;
      const ratio = way === 'this product' ? '' : ` (${(seconds / ours.seconds).toFixed(2)}×)`;
      return `${seconds.toFixed(2)} s${ratio}`;
    });
    const rate =
      set.files > 1000
        ? `${Math.round(set.files / ours.seconds)} files/s`
        : `${Math.round((set.files * set.bytes) / ours.seconds / 1e6)} MB/s`;
    rows.push([set.title, ...cells, rate, `${Math.round(ours.peakBytes / 1e6)} MB`]);
  }
  process.stdout.write(`${machineLine()}\n\n${markdownTable(rows)}\n`);
}
