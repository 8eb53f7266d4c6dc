import { connect } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import type { OmeroConfig } from '../config/config.ts';
import { bridgeAccount, startTestOmero, type TestOmero } from '../embedded/omero/testing.ts';
import { securityHeaders } from './guard.ts';
import { problemSchema } from './schemas/common.ts';
import { startWeb, type WebServer } from './server.ts';
import { webParts } from './testing/web-parts.ts';

// What only a real socket shows: requests that are none, and the addresses that requests come from.

let db: TestDatabase;
let omero: TestOmero;
const logged: string[] = [];
const stop = new AbortController();

beforeAll(async () => {
  db = await createTestDatabase({ migrations: true });
  omero = await startTestOmero();
});
afterAll(async () => {
  stop.abort();
  await omero?.drop();
  await db?.drop();
});

async function start(o: { trustProxy?: boolean } = {}): Promise<WebServer> {
  const folder = await temporaryFolder('web-server');
  const config: OmeroConfig = bridgeAccount(omero);
  const web = await startWeb({
    ...webParts(db.pool, { storageFolder: folder, signal: stop.signal }),
    config: {
      host: '127.0.0.1',
      port: 0,
      token: null,
      url: null,
      cacheFolder: folder,
      trustProxy: o.trustProxy ?? false,
      shareLinks: false,
    },
    omero: config,
    person: async () => null,
    log: pino({ level: 'info' }, { write: (line: string) => void logged.push(line) }),
  });
  onTestFinished(() => web.close());
  return web;
}

/** What is answered to these bytes, until the server ends the connection. */
async function raw(web: WebServer, text: string): Promise<{ status: number; head: string; body: string }> {
  const { hostname, port } = new URL(web.address);
  const answer = await new Promise<string>((resolve, reject) => {
    let got = '';
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => (got += String(chunk)));
    socket.on('close', () => resolve(got));
    socket.on('error', reject);
  });
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head, body };
}

test('what is no request, or one that cannot be, is refused like any other', async () => {
  const web = await start();
  const { host } = new URL(web.address);
  const cases: [what: string, status: number, text: string][] = [
    ['no HTTP', 400, 'GARBAGE\r\n\r\n'],
    ['no Host', 400, 'GET /api/runs HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['a Host that none is', 400, 'GET /api/runs HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n'],
    ['an address that none is', 400, `OPTIONS * HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`],
    ['long headers', 431, `GET / HTTP/1.1\r\nHost: ${host}\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`],
    [
      'a long body in pieces',
      413,
      `POST /api/session HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n` +
        `${`10000\r\n${'a'.repeat(65_536)}\r\n`.repeat(17)}0\r\n\r\n`,
    ],
  ];
  for (const [what, status, text] of cases) {
    const answer = await raw(web, text);
    expect(answer.status, what).toBe(status);
    expect(answer.head.toLowerCase(), what).toContain('content-type: application/problem+json');
    expect(answer.head, what).toContain(securityHeaders['content-security-policy']);
    expect(problemSchema.parse(JSON.parse(answer.body)).status, what).toBe(status);
  }
});

test('whoever goes away in the middle of a request is no error of the server', async () => {
  const web = await start();
  const { hostname, port, host } = new URL(web.address);
  logged.length = 0;
  await new Promise<void>((resolve) => {
    const head = `POST /api/session HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1000\r\n\r\n{"user"`;
    const socket = connect(Number(port), hostname, () =>
      socket.write(head, () => setTimeout(() => socket.destroy(), 100)),
    );
    socket.on('close', () => setTimeout(resolve, 200));
  });
  expect(logged.filter((line) => line.includes('"level":50'))).toEqual([]);
});

test('after ten failures a name and an address wait, and nobody helps themselves with a header', async () => {
  const web = await start();
  const signIn = async (at: WebServer, user: string, password: string, forwarded?: string): Promise<Response> =>
    fetch(`${at.address}/api/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(forwarded ? { 'x-forwarded-for': forwarded } : {}) },
      body: JSON.stringify({ user, password }),
    });
  for (let i = 0; i < 10; i++) expect((await signIn(web, 'alice', `wrong ${i}`, `10.0.0.${i}`)).status).toBe(401);
  const refused = await signIn(web, 'alice', 'alice-secret');
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(60);
  expect(problemSchema.parse(await refused.json())).toMatchObject({ code: 'TOO_MANY_SIGN_INS' });
  // The address waits as well, whatever it says of itself.
  expect((await signIn(web, 'bob', 'bob-secret', '10.9.9.9')).status).toBe(429);

  const behind = await start({ trustProxy: true });
  for (let i = 0; i < 10; i++)
    expect((await signIn(behind, `nobody-${i}`, 'x', `192.0.2.${i}, 198.51.100.7`)).status).toBe(401);
  // The last address is the one that the proxy has seen; those before it are the client's own words.
  expect((await signIn(behind, 'bob', 'bob-secret', '192.0.2.99, 198.51.100.7')).status).toBe(429);
  const other = await signIn(behind, 'bob', 'bob-secret', '198.51.100.7, 198.51.100.8');
  expect(other.status).toBe(204);
  const cookie = other.headers.get('set-cookie') ?? '';
  expect(cookie).toMatch(/^biomero_bridge_session=[\w.-]+; Path=\/; HttpOnly; SameSite=Strict/);
  const session = await fetch(`${behind.address}/api/session`, { headers: { cookie: cookie.split(';')[0] ?? '' } });
  expect(await session.json()).toMatchObject({ user: 'bob', admin: false });
});
