import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { listen } from './notify.ts';

let db: TestDatabase;
let stop: AbortController;
let seen: string[];
let connects: number;
let errors: string[];

beforeEach(async () => {
  db = await createTestDatabase();
  stop = new AbortController();
  seen = [];
  connects = 0;
  errors = [];
});
afterEach(async () => {
  stop.abort();
  await db.drop();
});

function start(url = db.url, channels = ['one', 'Two "quoted"']): void {
  listen(url, channels, (channel, payload) => seen.push(`${channel}:${payload}`), {
    signal: stop.signal,
    onConnect: () => connects++,
    onError: (error) => errors.push(error.message),
  });
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 8000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not reached; seen ${seen.join()}, errors ${errors.join()}`);
    await sleep(20);
  }
}

async function listeners(): Promise<number> {
  const { rows } = await db.pool.query<{ n: number }>(
    `select count(*) as n from pg_stat_activity
     where application_name = 'biomero-bridge listener' and datname = current_database()`,
  );
  return rows[0]?.n ?? 0;
}

test('notifications arrive with channel and payload', async () => {
  start();
  await until(() => connects === 1);
  await db.pool.query(`select pg_notify('one', 'a'), pg_notify('other', 'b'), pg_notify('Two "quoted"', '')`);
  await until(() => seen.length === 2);
  expect(seen).toEqual(['one:a', 'Two "quoted":']);
});

test('a killed connection is replaced, told once, and what comes then arrives', async () => {
  start();
  await until(() => connects === 1);
  await db.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name = 'biomero-bridge listener' and datname = current_database()`,
  );
  await until(() => connects === 2);
  expect(errors).toHaveLength(1);
  await db.pool.query(`notify one, 'again'`);
  await until(() => seen.length === 1);
  expect(seen).toEqual(['one:again']);
  expect(await listeners()).toBe(1);
});

test('a database that is not there yet is asked again, and told once', async () => {
  const name = new URL(db.url.replace(/\/\/[^/]*/, '//h')).pathname.slice(1);
  start(db.url.replace(name, `${name}_later`));
  await until(() => errors.length === 1);
  await sleep(500);
  expect(errors).toHaveLength(1);
  expect(connects).toBe(0);
  await db.pool.query(`create database ${name}_later template template0`);
  try {
    await until(() => connects === 1);
  } finally {
    stop.abort();
    await db.pool.query(`drop database ${name}_later with (force)`);
  }
});

test('abort ends the connection, also while connecting', async () => {
  start();
  await until(() => connects === 1);
  stop.abort();
  await until(async () => (await listeners()) === 0);
  stop = new AbortController();
  start();
  stop.abort();
  await sleep(100);
  await until(async () => (await listeners()) === 0);
  expect(errors).toEqual([]);
  expect(connects).toBe(1);
});
