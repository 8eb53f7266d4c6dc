import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { describeOwner, isDeadHere } from './lease-owner.ts';
import { identifyProcess } from './process-identity.ts';

async function ownerThatEnded(): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const identity = identifyProcess(child.pid ?? 0);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const { pidNamespace } = JSON.parse(describeOwner('x')) as { pidNamespace: string };
  return { name: 'x', host: hostname(), pidNamespace, ...identity };
}

test('an owner is dead only when it would be visible here and is not', async () => {
  const ended = await ownerThatEnded();
  expect(isDeadHere(JSON.stringify(ended))).toBe(true);
  expect(isDeadHere(describeOwner('me'))).toBe(false);
});

test.each([
  ['another machine', { host: 'elsewhere' }],
  ['a container with the same host name', { pidNamespace: 'pid:[1]' }],
  ['another boot, or another machine of this name', { bootId: 'other' }],
  ['a holder without identity', { pid: null }],
])('nothing is known about %s', async (_, change) => {
  expect(isDeadHere(JSON.stringify({ ...(await ownerThatEnded()), ...change }))).toBe(false);
});

test('a holder that is no JSON may live', () => {
  expect(isDeadHere('importer-1')).toBe(false);
  expect(isDeadHere('null')).toBe(false);
});
