/**
 * `npm run bench:follow`: what it costs to follow many jobs, and how soon an end is noticed, beside the Python worker's
 * pattern in the same run. `-- --help` lists the options.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { followHints } from '../../src/slurm/job-hints.ts';
import { JobWatch } from '../../src/worker/job-watch.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { machineLine, markdownTable, measureCommand, median } from '../support/measure.ts';
import { cpuSeconds, startBenchCluster, type BenchCluster } from './cluster.ts';
import { BenchWorker } from './worker.ts';

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '200' },
    'peer-jobs': { type: 'string', default: '20' },
    seconds: { type: 'string', default: '120' },
    ends: { type: 'string', default: '12' },
    help: { type: 'boolean', default: false },
  },
});
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const python = process.env['BIOMERO_PYTHON'] ?? '/opt/biomero-peers/bin/python';
const log = pino({ level: 'silent' });

interface Load {
  commands: number;
  connections: number;
  cpu: number;
}

if (values.help)
  say(`--jobs N        jobs that run while this product follows them (200)
--peer-jobs N   jobs that the Python pattern follows; its figures are scaled to --jobs (20)
--seconds S     how long each is watched (120)
--ends N        jobs whose ends are timed (12)`);
else {
  if (!existsSync(python)) throw new Error(`BIOMERO_PYTHON must name a Python with fabric (${python} is not there)`);
  const cluster = await startBenchCluster(Number(values.jobs));
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void cluster.stop().finally(() => process.exit(130)));
  try {
    await bench(cluster);
  } finally {
    await cluster.stop();
  }
}

async function bench(cluster: BenchCluster): Promise<void> {
  const [jobs, peerJobs, seconds] = [Number(values.jobs), Number(values['peer-jobs']), Number(values.seconds)];
  const lengths = Array.from({ length: Number(values.ends) }, (_, i) => 4 + ((i * 7) % 11) * 0.9);

  say('ends of jobs, told by their last act and a job that waits for them');
  const both = await ends(cluster, lengths, 'both');
  say('ends of jobs, told by their last act');
  const told = await ends(cluster, lengths, 'job');
  say('ends of jobs, looked for only');
  const polled = await ends(cluster, lengths, 'off');

  say('ends of jobs to the start of their archives, by a whole worker');
  const worker = await BenchWorker.open(cluster);
  let archives: number[];
  let idle: number;
  try {
    archives = await worker.archiveStarts(cluster, lengths);
    say(`a worker without a run, ${seconds} s`);
    idle = await worker.idle(seconds);
  } finally {
    await worker.close();
  }

  say(`${jobs} jobs that run on, ${seconds} s each`);
  const ids = await cluster.sleepers(
    Array.from({ length: jobs }, () => 3600),
    'off',
  );
  const running = async (): Promise<number> =>
    [...(await cluster.slurm.observe(ids)).values()].filter((state) => state.phase === 'running').length;
  while ((await running()) < jobs) await sleep(1000);
  const ours = await ourLoad(cluster, ids, seconds);
  const peer = await peerLoad(cluster, ids.slice(0, peerJobs), seconds);
  say('ends of jobs, the Python pattern');
  const theirs = await peerEnds(cluster, lengths);
  const scale = jobs / peerJobs;

  const hour = 3600 / seconds;
  const ratio = (a: number, b: number): string => (b === 0 ? '' : `${(a / b).toPrecision(2)} ×`);
  const row = (what: string, mine: number, other: number, digits = 0): string[] => [
    what,
    mine.toFixed(digits),
    other.toFixed(digits),
    ratio(other, mine),
  ];
  process.stdout.write(
    `${machineLine()}\n\n${markdownTable([
      ['', 'this product', 'Python pattern', 'ratio'],
      row('end of a job to its notice, s: median', median(both), median(theirs), 2),
      row('slowest', Math.max(...both), Math.max(...theirs), 2),
      row('end of a job to the start of its archive, s: median', median(archives), median(theirs), 2),
      row('slowest', Math.max(...archives), Math.max(...theirs), 2),
      row('told by the last act only: median', median(told), median(theirs), 2),
      row('without hints: median', median(polled), median(theirs), 2),
      row(`commands an hour, ${jobs} running jobs`, ours.commands * hour, peer.commands * hour * scale),
      row(`ssh connections, ${jobs} running jobs`, ours.connections, peer.connections * scale),
      row(
        `processor of the follower, %, ${jobs} running jobs`,
        (ours.cpu / seconds) * 100,
        (peer.cpu / seconds) * 100 * scale,
        2,
      ),
      ['processor of a whole worker without a run, %', ((idle / seconds) * 100).toFixed(2), '', ''],
    ])}\n\nThe Python pattern was run with ${peerJobs} jobs; its last three rows with a figure are scaled by ${scale}; when its run would begin to archive was not measured, only its notice.\n`,
  );
}

/** Seconds from each job's end to the moment at which its run would begin to archive. */
async function ends(
  cluster: BenchCluster,
  lengths: readonly number[],
  push: 'off' | 'job' | 'both',
): Promise<number[]> {
  const watch = new JobWatch(cluster.slurm, { minMs: 5_000, log });
  const stop = new AbortController();
  const following =
    push !== 'off'
      ? followHints(cluster.transport, {
          path: cluster.hintFile,
          onHint: (id) => watch.hint(id),
          signal: stop.signal,
          log,
        })
      : Promise.resolve();
  try {
    const ids = await cluster.sleepers(lengths, push);
    return await Promise.all(
      ids.map(async (id) => {
        for (let seen: string | null = null; ;) {
          const look = await watch.changed(id, seen, AbortSignal.any([stop.signal]));
          if (look.state.terminal) return (Date.now() - cluster.endOf(id)) / 1000;
          seen = look.key;
        }
      }),
    );
  } finally {
    stop.abort();
    await following;
  }
}

async function peerEnds(cluster: BenchCluster, lengths: readonly number[]): Promise<number[]> {
  const ids = await cluster.sleepers(lengths, 'off');
  const { noticed } = await peer(cluster, ids, 0);
  return ids.map((id) => (noticed[String(id)] ?? Number.NaN) - cluster.endOf(id) / 1000);
}

/** Jobs that have been running for an hour, as the follower's clock has it. */
async function ourLoad(cluster: BenchCluster, ids: readonly number[], seconds: number): Promise<Load> {
  let ahead = 0;
  const watch = new JobWatch(cluster.slurm, { minMs: 5_000, log, now: () => Date.now() + ahead });
  const stop = new AbortController();
  const onHint = (id: number | null): void => {
    if (id !== null) watch.hint(id);
  };
  const following = followHints(cluster.transport, { path: cluster.hintFile, onHint, signal: stop.signal, log });
  for (const id of ids)
    void (async () => {
      for (let seen: string | null = null; ;)
        seen = (await watch.changed(id, seen, AbortSignal.any([stop.signal]))).key;
    })().catch(() => undefined);
  await sleep(12_000);
  ahead = 3_600_000;
  await sleep(6_000);
  const load = await measure(cluster, () => sleep(seconds * 1000));
  stop.abort();
  await following;
  // All that this product has opened so far, for everything.
  return { ...load, connections: (await cluster.ssh.served()).connections };
}

async function measure(cluster: BenchCluster, work: () => Promise<unknown>): Promise<Load> {
  const [before, cpu] = [await cluster.ssh.served(), cpuSeconds()];
  await work();
  const after = await cluster.ssh.served();
  return {
    commands: after.commands - before.commands,
    connections: after.connections - before.connections,
    cpu: cpuSeconds() - cpu,
  };
}

async function peerLoad(cluster: BenchCluster, ids: readonly number[], seconds: number): Promise<Load> {
  let cpu = 0;
  const load = await measure(cluster, async () => {
    const done = await peer(cluster, ids, seconds);
    cpu = done.cpu;
  });
  return { ...load, cpu };
}

async function peer(
  cluster: BenchCluster,
  ids: readonly number[],
  seconds: number,
): Promise<{ cpu: number; noticed: Record<string, number> }> {
  const script = packageFile('bench', 'follow', 'python_peer.py');
  const argv = [python, script, cluster.configFile, String(seconds), ...ids.map(String)];
  return JSON.parse((await measureCommand(argv)).stdout) as { cpu: number; noticed: Record<string, number> };
}
