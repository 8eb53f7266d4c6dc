import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createTestDatabase } from '../../test/support/postgres.ts';
import { openPool, type Pool } from '../lib/database.ts';
import { databaseHealth } from './database-health.ts';

/** A database that takes connections and says nothing, as one whose machine hangs; counts who came. */
async function silent(): Promise<{ pool: Pool; asked: () => number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const pool = openPool(`postgresql://nobody@127.0.0.1:${(server.address() as AddressInfo).port}/none`);
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await pool.end();
  });
  return { pool, asked: () => sockets.size };
}

test('databases that answer are well, one that hangs is told in time and asked only once', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  expect(await databaseHealth(new Set([database.pool]))).toEqual({ database: 'ok' });
  const { pool, asked } = await silent();
  const both = new Set([database.pool, pool]);
  const looks = await Promise.all([databaseHealth(both), databaseHealth(both), databaseHealth(both)]);
  for (const look of looks) expect(look).toEqual({ 'database of runs': 'ok', 'database of orders': 'does not answer' });
  expect(asked()).toBe(1);
});
