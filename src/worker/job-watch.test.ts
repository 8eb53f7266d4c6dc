import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { bridgeError } from '../domain/errors.ts';
import { unknownState } from '../slurm/observe.ts';
import type { JobState } from '../slurm/slurm.ts';
import { JobWatch, type JobLook } from './job-watch.ts';

/* When it asks and what it makes of the answers; the answers themselves are written down here. */

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function state(jobId: number, word: string, phase: JobState['phase'], terminal = false): JobState {
  return { ...unknownState(jobId), word, phase, terminal };
}

class Cluster {
  words = new Map<number, JobState>();
  logs = new Map<number, string>();
  down: Error | null = null;
  asked: number[] = [];
  commands = 0;
  readonly began = Date.now();
  readonly watch = new JobWatch(this, { minMs: 1_000, log: pino({ level: 'silent' }) });

  async observe(ids: number[]): Promise<Map<number, JobState>> {
    this.asked.push(Math.round((Date.now() - this.began) / 100) / 10);
    this.commands++;
    if (this.down) throw this.down;
    return new Map(ids.map((id) => [id, this.words.get(id) ?? unknownState(id)]));
  }

  async logTails(jobs: readonly { jobId: number; from: number }[]) {
    this.commands++;
    return jobs.flatMap(({ jobId, from }) => {
      const bytes = Buffer.from(this.logs.get(jobId) ?? '').subarray(from);
      return bytes.length ? [{ jobId, size: from + bytes.length, bytes }] : [];
    });
  }

  /** Follows a job as a run does, keeping every look that it is shown. */
  follow(id: number, signal = new AbortController().signal): JobLook[] {
    const looks: JobLook[] = [];
    const go = async (): Promise<void> => {
      for (let seen: string | null = null; ;) {
        const look = await this.watch.changed(id, seen, signal);
        looks.push(look);
        if (look.state.terminal) return;
        seen = look.key;
      }
    };
    go().catch(() => undefined);
    return looks;
  }
}

test('two hundred jobs are one call, and quiet jobs are asked after ever more seldom', async () => {
  const cluster = new Cluster();
  const all: JobLook[][] = [];
  for (let id = 1; id <= 200; id++) {
    cluster.words.set(id, state(id, 'RUNNING', 'running'));
    all.push(cluster.follow(id));
  }
  await vi.advanceTimersByTimeAsync(3_600_000);
  // An interval of twelve seconds at the end, and as many looks at the logs.
  expect(cluster.commands).toBeLessThan(2 * (3600 / 12) + 60);
  expect(cluster.asked.slice(0, 4)).toEqual([0, 1, 2, 3]);
  expect(all.every((looks) => looks.length === 1)).toBe(true);
  cluster.words.set(7, state(7, 'COMPLETED', 'succeeded', true));
  await vi.advanceTimersByTimeAsync(12_000);
  expect(all[6]?.at(-1)?.state.word).toBe('COMPLETED');
});

test('a hint makes it look at once and often, and is not believed', async () => {
  const cluster = new Cluster();
  cluster.words.set(1, state(1, 'RUNNING', 'running'));
  const looks = cluster.follow(1);
  await vi.advanceTimersByTimeAsync(600_000);
  const before = cluster.asked.length;
  cluster.watch.hint(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(cluster.asked.length - before).toBeGreaterThanOrEqual(3);
  expect(looks.at(-1)?.state.word).toBe('RUNNING');
  cluster.words.set(1, state(1, 'COMPLETED', 'succeeded', true));
  await vi.advanceTimersByTimeAsync(400);
  expect(looks.at(-1)?.state.word).toBe('COMPLETED');
  const asked = cluster.asked.length;
  cluster.watch.hint(99);
  await vi.advanceTimersByTimeAsync(100_000);
  expect(cluster.asked.length).toBe(asked);
});

test('an outage is told once with its beginning, asked after ever more seldom, and told again when it is over', async () => {
  const cluster = new Cluster();
  cluster.words.set(1, state(1, 'RUNNING', 'running'));
  const looks = cluster.follow(1);
  await vi.advanceTimersByTimeAsync(2_000);
  cluster.down = bridgeError('CLUSTER_UNREACHABLE', { cluster: 'c', reason: 'no route' });
  const since = Date.now();
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(looks.map((look) => [look.state.word, look.trouble !== null])).toEqual([
    ['RUNNING', false],
    ['RUNNING', true],
  ]);
  expect((looks.at(-1)?.trouble?.since.getTime() ?? 0) - since).toBeLessThan(1_500);
  expect(cluster.asked.length).toBeLessThan(75);
  cluster.down = null;
  await vi.advanceTimersByTimeAsync(61_000);
  expect(looks.at(-1)).toMatchObject({ trouble: null, lost: false });
});

test('a job that Slurm does not know is unknown, and after two minutes of good answers lost, never ended', async () => {
  const cluster = new Cluster();
  const looks = cluster.follow(1);
  await vi.advanceTimersByTimeAsync(100_000);
  expect(looks.at(-1)).toMatchObject({ lost: false, state: { phase: 'unknown' } });
  await vi.advanceTimersByTimeAsync(40_000);
  expect(looks.at(-1)).toMatchObject({ lost: true, state: { phase: 'unknown', terminal: false } });
  cluster.words.set(1, state(1, 'RUNNING', 'running'));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(looks.at(-1)).toMatchObject({ lost: false, state: { word: 'RUNNING' } });
});

test('progress is the last percentage of the log, told when it changes', async () => {
  const cluster = new Cluster();
  cluster.words.set(1, state(1, 'RUNNING', 'running'));
  const looks = cluster.follow(1);
  for (const text of ['begin\n', '10%', '  20 %|##\n', 'a line without\n', '199% of nothing\n', '7', '5%\n']) {
    cluster.logs.set(1, (cluster.logs.get(1) ?? '') + text);
    await vi.advanceTimersByTimeAsync(25_000);
  }
  expect(looks.map((look) => look.progress)).toEqual([null, '10%', '20%', '75%']);
});

test('an end other than success is believed when it is seen for some seconds', async () => {
  const cluster = new Cluster();
  cluster.words.set(1, state(1, 'RUNNING', 'running'));
  const looks = cluster.follow(1);
  const words = (): string[] => looks.map((look) => look.state.word);
  await vi.advanceTimersByTimeAsync(1_500);
  cluster.words.set(1, state(1, 'NODE_FAIL', 'failed', true));
  await vi.advanceTimersByTimeAsync(3_000);
  cluster.words.set(1, state(1, 'PENDING', 'queued'));
  await vi.advanceTimersByTimeAsync(3_000);
  expect(words()).toEqual(['RUNNING', 'COMPLETING', 'PENDING']);
  cluster.words.set(1, state(1, 'FAILED', 'failed', true));
  await vi.advanceTimersByTimeAsync(4_000);
  // Another end begins anew.
  cluster.words.set(1, state(1, 'OUT_OF_MEMORY', 'failed', true));
  await vi.advanceTimersByTimeAsync(4_500);
  expect(words().at(-1)).toBe('COMPLETING');
  await vi.advanceTimersByTimeAsync(2_000);
  expect(looks.at(-1)?.state).toMatchObject({ word: 'OUT_OF_MEMORY', terminal: true });
});

test('a success is believed at once', async () => {
  const cluster = new Cluster();
  cluster.words.set(1, state(1, 'COMPLETED', 'succeeded', true));
  const looks = cluster.follow(1);
  await vi.advanceTimersByTimeAsync(10);
  expect(looks.at(-1)?.state.terminal).toBe(true);
});

test('who stops waiting is let go', async () => {
  const cluster = new Cluster();
  const stop = new AbortController();
  cluster.follow(1, stop.signal);
  await vi.advanceTimersByTimeAsync(1_500);
  stop.abort();
  const asked = cluster.asked.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(cluster.asked.length).toBe(asked);
  expect(cluster.watch.watching).toBe(0);
});
