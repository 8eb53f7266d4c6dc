import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { packageFile } from '../../src/lib/package-root.ts';
import { startSshServer } from '../../test/support/ssh-server.ts';
import { measureCommand, median } from '../support/measure.ts';
import { makeFiles, type DataSet } from './sets.ts';
import type { Timed } from './unpack.ts';

const python = process.env['BIOMERO_PYTHON'] ?? '/opt/biomero-peers/bin/python';

/** Ways that a job's results come from the cluster. */
export const homeWays = ['this product', 'BIOMERO', 'tar over ssh', 'tar over ssh, sync -f'] as const;
const bareTar = 'ssh -F "$1" cluster tar -C job/data/out -cf - . | tar -xf - -C "$2"';
export type HomeWay = (typeof homeWays)[number];

/**
 * Every way on one set over OpenSSH on the loopback interface, in turns. The files on the cluster's side are in the page
 * cache. Ours ends with a durable archive (`sync -f`, tree, zip, manifest, provenance), the others with what they have
 * handed to the system, but for the last one, which is there to tell what the `sync -f` costs.
 */
export async function benchHome(
  set: DataSet,
  options: { folder: string; rounds: number; say: (text: string) => void },
): Promise<Map<HomeWay, Timed>> {
  const home = join(options.folder, 'cluster');
  const out = join(home, 'job', 'data', 'out');
  options.say(`${set.title}: making the results`);
  makeFiles(set, out);
  const server = await startSshServer({ home });
  try {
    const configFile = await server.configFile();
    const run: Record<HomeWay, (target: string) => Promise<Timed>> = {
      'this product': async (target) => {
        const child = packageFile('bench', 'archive', 'home-child.mjs');
        return JSON.parse((await measureCommand([process.execPath, child, configFile, target])).stdout) as Timed;
      },
      BIOMERO: async (target) => {
        const script = packageFile('bench', 'archive', 'home_peer.py');
        const key = join(server.folder, 'user');
        const { stdout, peakBytes } = await measureCommand([python, script, String(server.port), key, target]);
        return { seconds: Number(stdout), peakBytes };
      },
      'tar over ssh': (target) => {
        return measureCommand(['sh', '-c', bareTar, 'sh', configFile, target]);
      },
      'tar over ssh, sync -f': (target) => {
        return measureCommand(['sh', '-c', `${bareTar} && sync -f "$2"`, 'sh', configFile, target]);
      },
    };
    const ways = homeWays.filter((way) => way !== 'BIOMERO' || existsSync(python));
    const taken = new Map<HomeWay, Timed[]>(ways.map((way) => [way, []]));
    for (let round = 0; round < options.rounds; round++)
      for (const way of round % 2 ? ways.toReversed() : ways) {
        const target = join(options.folder, 'target');
        mkdirSync(target);
        execFileSync('sync', ['-f', options.folder]);
        execFileSync('sh', ['-c', 'tar -C "$1" -cf - . | cat >/dev/null', 'sh', out]);
        const timed = await run[way](target);
        taken.get(way)?.push(timed);
        options.say(`${set.title}: ${way} ${timed.seconds.toFixed(2)} s`);
        if (readdirSync(target).length === 0) throw new Error(`${way} left nothing`);
        rmSync(target, { recursive: true });
      }
    return new Map(
      [...taken].map(([way, all]) => [
        way,
        { seconds: median(all.map((t) => t.seconds)), peakBytes: Math.max(...all.map((t) => t.peakBytes)) },
      ]),
    );
  } finally {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
}
