import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { transaction } from './database.ts';
import { LeaseHolder, requireLease } from './lease.ts';
import { ownProgram } from './package-root.ts';

let database: TestDatabase;
const holders: LeaseHolder[] = [];
const children: ChildProcess[] = [];

beforeEach(async () => {
  database = await createTestDatabase({ migrations: true });
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const holder of holders.splice(0)) await holder.close();
  await database.drop();
});

async function open(holder: string, ttlMs = 8_000): Promise<LeaseHolder> {
  const opened = await LeaseHolder.open(database.url, { holder, ttlMs });
  holders.push(opened);
  return opened;
}

test('one holder at a time, and the token grows', async () => {
  const [a, b] = [await open('a'), await open('b')];
  const first = await a.acquire('x');
  expect(await b.acquire('x')).toBeNull();
  expect(await a.acquire('x')).toBeNull();
  await first?.release();
  const second = await b.acquire('x');
  expect(second?.token).toBeGreaterThan(first?.token ?? Infinity);
});

test('the token grows also when the row of an old holder was removed meanwhile', async () => {
  const a = await open('a');
  const first = await a.acquire('x');
  await first?.release();
  await database.pool.query(`update bridge.leases set expires_at = clock_timestamp() - interval '8 days'`);
  const b = await open('b');
  expect((await database.pool.query('select 1 from bridge.leases')).rowCount).toBe(0);
  expect((await b.acquire('x'))?.token).toBeGreaterThan(first?.token ?? Infinity);
});

test('many holders that try at once: one gets it', async () => {
  const opened = await Promise.all(['a', 'b', 'c', 'd'].map((name) => open(name)));
  for (let round = 0; round < 10; round++) {
    const leases = (await Promise.all(opened.map((holder) => holder.acquire(`x${round}`)))).filter((l) => l !== null);
    expect(leases).toHaveLength(1);
  }
});

test('a busy main thread keeps its lease', async () => {
  const [a, b] = [await open('a', 600), await open('b', 600)];
  const lease = await a.acquire('x');
  const end = performance.now() + 1_500;
  while (performance.now() < end);
  expect(await b.acquire('x')).toBeNull();
  expect(lease?.signal.aborted).toBe(false);
});

test('a lease that cannot be renewed is given up before it expires, and the others stay', async () => {
  const a = await open('a', 900);
  const [lease, other] = [await a.acquire('x'), await a.acquire('y')];
  if (!lease || !other) throw new Error('not acquired');
  const blocker = await database.pool.connect();
  try {
    await blocker.query('begin');
    const { rows } = await blocker.query(
      `select extract(epoch from expires_at - clock_timestamp()) * 1000 as left from bridge.leases where resource = 'x' for update`,
    );
    const from = performance.now();
    while (!lease.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(performance.now() - from).toBeLessThan(Number(rows[0]?.['left']));
    expect(other.signal.aborted).toBe(false);
  } finally {
    await blocker.query('rollback');
    blocker.release();
  }
});

test('a lease outlives its term as long as it is renewed', async () => {
  const [a, b] = [await open('a', 600), await open('b', 600)];
  const lease = await a.acquire('x');
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(lease?.signal.aborted).toBe(false);
  expect(await b.acquire('x')).toBeNull();
});

test('writes of a holder whose lease was taken over are refused, and it is told', async () => {
  const [a, b] = [await open('a', 600), await open('b', 600)];
  const lost = await a.acquire('x');
  if (!lost) throw new Error('not acquired');
  await database.pool.query(`update bridge.leases set expires_at = '-infinity'`);
  const taken = await b.acquire('x');
  if (!taken) throw new Error('not taken over');
  await expect(transaction(database.pool, (tx) => requireLease(tx, lost))).rejects.toMatchObject({
    code: 'LEASE_LOST',
  });
  await transaction(database.pool, (tx) => requireLease(tx, taken));
  while (!lost.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 20));
  // Its release must not free what the other one holds.
  await lost.release();
  await transaction(database.pool, (tx) => requireLease(tx, taken));
});

/** A process that takes lease `x` and holds it. */
async function holdElsewhere(): Promise<ChildProcess> {
  const [node = '', ...args] = ownProgram('src/lib/testing/hold-lease-main');
  const child = spawn(node, [...args, database.url, '600'], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout ?? child, 'data');
  return child;
}

test('the lease of a killed process of this machine is free at once', async () => {
  const child = await holdElsewhere();
  const here = await open('here', 60_000);
  expect(await here.acquire('x')).toBeNull();
  child.kill('SIGKILL');
  await once(child, 'exit');
  await database.pool.query(`update bridge.leases set expires_at = 'infinity'`);
  expect(await here.acquire('x')).not.toBeNull();
});

test('a paused process that wakes after its term finds its lease lost', async () => {
  const child = await holdElsewhere();
  child.kill('SIGSTOP');
  const here = await open('here', 600);
  let lease = null;
  while (!lease) lease = await here.acquire('x');
  const said = once(child.stdout ?? child, 'data');
  child.kill('SIGCONT');
  expect(String((await said)[0])).toBe('lost\n');
});
