import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { identifyByPs, identifyProcess, isAlive, killProcess, parseIdentity, stopProcess } from './process-identity.ts';

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
  const child = spawn(process.execPath, [
    '-e',
    'process.on("SIGTERM", () => {}); process.stdout.write("up"); setInterval(() => {}, 1000)',
  ]);
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

test('a zombie, which still answers kill -0, is dead', async () => {
  // A shell that starts a child and then becomes a program which never reaps it.
  const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const pid = Number(String((await once(parent.stdout, 'data'))[0]));
    const [identity, byPs] = [identifyProcess(pid), identifyByPs(pid)];
    if (!identity || !byPs) throw new Error('the child has no identity');
    await expect.poll(() => isAlive(identity)).toBe(false);
    expect(process.kill(pid, 0)).toBe(true);
    expect(identifyProcess(pid)).toBeNull();
    expect(identifyByPs(pid)).toBeNull();
    expect(killProcess(identity, 'SIGKILL')).toBe(false);
  } finally {
    parent.kill('SIGKILL');
  }
});

test('where there is no /proc, ps identifies a process in the same words whatever the language and time zone', async () => {
  const child = spawn('sleep', ['30'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const [zone, pid] = [process.env['TZ'], child.pid ?? 0];
  const identity = identifyByPs(pid);
  try {
    expect(identity).toMatchObject({ pid, executable: expect.stringMatching(/sleep$/) });
    process.env['TZ'] = 'Asia/Tokyo';
    expect(identifyByPs(pid)).toEqual(identity);
  } finally {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
  expect(identifyByPs(pid)).toBeNull();
});
