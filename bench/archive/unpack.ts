import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packageFile } from '../../src/lib/package-root.ts';
import { measureCommand, median } from '../support/measure.ts';
import { makeFiles, type DataSet } from './sets.ts';

export interface Timed {
  seconds: number;
  peakBytes: number;
}

/** Ways to unpack a zip into an empty folder. */
export const unpackers = {
  'this product': async (zip: string, folder: string): Promise<Timed> => {
    const { stdout } = await measureCommand([
      process.execPath,
      packageFile('bench', 'archive', 'unpack-child.mjs'),
      zip,
      folder,
    ]);
    const { seconds, peakBytes } = JSON.parse(stdout) as Timed;
    return { seconds, peakBytes };
  },
  'copy2 + extractall': (zip: string, folder: string): Promise<Timed> => python('copy', zip, folder),
  extractall: (zip: string, folder: string): Promise<Timed> => python('direct', zip, folder),
  unzip: (zip: string, folder: string): Promise<Timed> => measureCommand(['unzip', '-q', zip, '-d', folder]),
  '7z x': (zip: string, folder: string): Promise<Timed> =>
    measureCommand(['7z', 'x', '-bso0', '-bsp0', zip, `-o${folder}`]),
} as const;

export type Unpacker = keyof typeof unpackers;

async function python(how: string, zip: string, folder: string): Promise<Timed> {
  const script = packageFile('bench', 'archive', 'unpack_peer.py');
  const { stdout, peakBytes } = await measureCommand(['python3', script, how, zip, folder]);
  return { seconds: Number(stdout), peakBytes };
}

/**
 * Every way on one set, in turns, `rounds` times; the medians. The zip is read once before each turn, so that all find
 * it in the page cache, and what earlier turns wrote is on disk and removed.
 */
export async function benchUnpack(
  set: DataSet,
  ways: readonly Unpacker[],
  options: { folder: string; rounds: number; say: (text: string) => void },
): Promise<{ results: Map<Unpacker, Timed>; zipBytes: number }> {
  const source = join(options.folder, 'source');
  const zip = join(options.folder, `${set.name}.zip`);
  options.say(`${set.title}: making the zip`);
  makeFiles(set, source);
  execFileSync('7z', ['a', '-tzip', '-mx=1', '-bso0', '-bsp0', zip, '.'], { cwd: source });
  rmSync(source, { recursive: true });
  const taken = new Map<Unpacker, Timed[]>(ways.map((way) => [way, []]));
  for (let round = 0; round < options.rounds; round++)
    for (const way of round % 2 ? ways.toReversed() : ways) {
      const target = join(options.folder, 'target');
      mkdirSync(target);
      execFileSync('sync', ['-f', options.folder]);
      execFileSync('cat', [zip], { stdio: ['ignore', 'ignore', 'inherit'] });
      const timed = await unpackers[way](zip, target);
      taken.get(way)?.push(timed);
      options.say(`${set.title}: ${way} ${timed.seconds.toFixed(2)} s, ${Math.round(timed.peakBytes / 1e6)} MB`);
      if (readdirSync(target).length === 0) throw new Error(`${way} left nothing`);
      rmSync(target, { recursive: true });
    }
  const zipBytes = statSync(zip).size;
  rmSync(zip);
  const results = new Map(
    [...taken].map(([way, all]) => [
      way,
      { seconds: median(all.map((t) => t.seconds)), peakBytes: Math.max(...all.map((t) => t.peakBytes)) },
    ]),
  );
  return { results, zipBytes };
}
