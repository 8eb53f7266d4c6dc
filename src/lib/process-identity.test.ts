import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { identifyProcess, isAlive, killProcess, parseIdentity, stopProcess } from './process-identity.ts';

test('a process is itself until it ends, and another start time is another process', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const identity = identifyProcess(child.pid ?? 0);
  if (!identity) throw new Error('the child has no identity');
  expect(isAlive(identity)).toBe(true);
  expect(isAlive({ ...identity, startTime: '1' })).toBe(false);
  expect(killProcess({ ...identity, startTime: '1' }, 'SIGKILL')).toBe(false);
  expect(parseIdentity(JSON.parse(JSON.stringify(identity)))).toEqual(identity);
  const exited = once(child, 'exit');
  await stopProcess(identity, { graceMs: 5_000 });
  await exited;
  expect(isAlive(identity)).toBe(false);
});

test('a process that ignores the polite signal is killed', async () => {
  const child = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); process.stdout.write("up"); setInterval(() => {}, 1000)']);
  await once(child.stdout, 'data');
  const identity = identifyProcess(child.pid ?? 0);
  if (!identity) throw new Error('the child has no identity');
  const exited = once(child, 'exit');
  await stopProcess(identity, { graceMs: 200 });
  expect((await exited)[1]).toBe('SIGKILL');
});

test('no process has no identity', () => {
  expect(identifyProcess(-1)).toBeNull();
  expect(identifyProcess(2 ** 22 + 5)).toBeNull();
});
