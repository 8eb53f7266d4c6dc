import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { signalGroup, stopProcessGroup } from './process-group.ts';
import { identifyProcess, isAlive, type ProcessIdentity } from './process-identity.ts';

const started: ProcessIdentity[] = [];
afterEach(() => {
  for (const identity of started.splice(0)) if (isAlive(identity)) process.kill(identity.pid, 'SIGKILL');
});

/** A wrapper with a child of its own, as the `omero` command has Java. */
async function wrapper(
  child: string,
): Promise<{ leader: ProcessIdentity; child: ProcessIdentity; end(): Promise<void> }> {
  const outer = spawn('sh', ['-c', `sh -c '${child}' & echo $!; wait`], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await once(outer.stdout, 'data')) as [Buffer];
  const [leader, inner] = [identifyProcess(outer.pid ?? 0), identifyProcess(Number(line))];
  if (!leader || !inner) throw new Error('not started');
  started.push(leader, inner);
  const end = async (): Promise<void> => {
    const ended = once(outer, 'exit');
    outer.kill('SIGKILL');
    await ended;
  };
  return { leader, child: inner, end };
}

test('a child that goes on after its wrapper died is ended', async () => {
  const group = await wrapper('while :; do sleep 0.1; done');
  await group.end();
  expect(isAlive(group.child)).toBe(true);
  await stopProcessGroup(group.leader, { graceMs: 2_000 });
  expect(isAlive(group.child)).toBe(false);
});

test('a child that ignores the polite signal is killed', async () => {
  const group = await wrapper('trap "" TERM; while :; do sleep 0.1; done');
  await stopProcessGroup(group.leader, { graceMs: 100 });
  expect([isAlive(group.leader), isAlive(group.child)]).toEqual([false, false]);
});

test('a number that another process has, or that is of an earlier boot, is left alone', async () => {
  const group = await wrapper('while :; do sleep 0.1; done');
  await stopProcessGroup({ ...group.leader, startTime: '1' }, { graceMs: 100 });
  expect(signalGroup({ ...group.leader, bootId: 'another' }, 'SIGKILL')).toBe(false);
  expect([isAlive(group.leader), isAlive(group.child)]).toEqual([true, true]);
});
