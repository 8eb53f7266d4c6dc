import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { publicAddress } from './address.ts';
import { secureHeaders, securityHeaders } from './guard.ts';
import { Identity } from './identity/identity.ts';
import { TokenSignIn } from './identity/token-sign-in.ts';
import type { Viewer } from './identity/viewer.ts';
import { problemSchema } from './schemas/common.ts';
import { plainRun, webParts } from './testing/web-parts.ts';
import { buildWebApp, routesOf, type WebAppParts } from './web-app.ts';

// What holds for every address: who may ask, from where, and in which shape it is answered.

const chief: Viewer = { name: 'chief', userId: 0, admin: true, groups: [] };
const token = 'the token of this server';

let db: TestDatabase;
let folder = '';
let run = '';
const stop = new AbortController();

beforeAll(async () => {
  db = await createTestDatabase({ migrations: true });
  folder = await mkdtemp(join(tmpdir(), 'biomero-bridge-web-'));
  run = await plainRun(db.pool, 100, { id: 3, name: 'team' });
});
afterAll(async () => {
  stop.abort();
  await db.drop();
  await rm(folder, { recursive: true });
});

/** The parts as they are behind a proxy at this address; null: without one. */
function partsAt(url: string | null): WebAppParts {
  const config = {
    host: '127.0.0.1',
    port: 4080,
    token,
    url,
    cacheFolder: folder,
    trustProxy: false,
    shareLinks: false,
  };
  const address = publicAddress(config, config.port);
  return {
    ...webParts(db.pool, { storageFolder: folder, signal: stop.signal }),
    address: () => address,
    identity: new Identity({ token: new TokenSignIn(token), omero: null, cookie: address, trustProxy: false }),
  };
}

async function ask(
  path: string,
  { url = null, host = '127.0.0.1:4080', ...init }: RequestInit & { url?: string | null; host?: string } = {},
): Promise<Response> {
  const app = buildWebApp(partsAt(url), async () => chief);
  return app.request(path, { ...init, headers: { host, ...(init.headers as Record<string, string>) } });
}

test('every answer has the headers that keep a browser from running or framing anything else', async () => {
  for (const path of [
    '/',
    '/runs/x',
    '/api/session',
    '/api/runs/x',
    '/api/nothing',
    '/assets/nothing.js',
    '/healthz',
  ]) {
    const { headers } = await ask(path);
    for (const [name, value] of Object.entries(securityHeaders))
      expect(headers.get(name), `${path} ${name}`).toBe(value);
  }
  const policy = securityHeaders['content-security-policy'] ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe|\*|http:/);
});

test('what is not there and what cannot be asked is a problem with a code, whatever the address', async () => {
  const cases: [path: string, status: number, code: string, init?: RequestInit][] = [
    ['/api', 404, 'PAGE_NOT_FOUND'],
    ['/api/', 404, 'PAGE_NOT_FOUND'],
    ['/api/runs/%ff', 404, 'RUN_NOT_FOUND'],
    [`/api/runs/${run}/%2e%2e/session`, 404, 'RUN_NOT_FOUND'],
    ['/api/runs', 404, 'PAGE_NOT_FOUND', { method: 'PUT' }],
    ['/runs', 404, 'PAGE_NOT_FOUND', { method: 'POST' }],
    ['/assets/of-an-older-version.js', 404, 'PAGE_NOT_FOUND'],
    ['/assets/..%2f..%2fpackage.json', 404, 'PAGE_NOT_FOUND'],
    ['/api/runs?state=great', 400, 'REQUEST_INVALID'],
    ['/api/runs/check', 400, 'REQUEST_INVALID', { method: 'POST', body: '{"workflow"' }],
    ['/api/runs/check', 413, 'REQUEST_TOO_LARGE', { method: 'POST', body: 'x'.repeat((1 << 20) + 1) }],
  ];
  for (const [path, status, code, init] of cases) {
    const answer = await ask(path, init);
    expect([answer.status, answer.headers.get('content-type')], path).toEqual([status, 'application/problem+json']);
    expect(problemSchema.parse(await answer.json()), path).toMatchObject({ status, code });
  }
});

test('a failure that nobody foresaw tells nothing of itself', async () => {
  const parts = partsAt(null);
  const answer = await buildWebApp(parts, () => Promise.reject(new Error('the password is hunter2'))).request(
    '/api/session',
    { headers: { host: '127.0.0.1:4080' } },
  );
  const text = await answer.text();
  expect([answer.status, text.includes('hunter2')]).toEqual([500, false]);
  expect(problemSchema.parse(JSON.parse(text))).toMatchObject({ code: 'INTERNAL' });
});

test('only our own names are answered to, unless a machine brings its token', async () => {
  for (const host of ['evil.example', '127.0.0.1:4081', 'localhost', ''])
    expect((await ask('/api/session', { host })).status, host).toBe(421);
  for (const host of ['127.0.0.1:4080', 'LOCALHOST:4080'])
    expect((await ask('/api/session', { host })).status).toBe(200);
  expect((await ask('/', { host: 'evil.example' })).status).toBe(421);
  const forwarded = { 'x-forwarded-host': '127.0.0.1:4080' };
  expect((await ask('/api/session', { host: 'evil.example', headers: forwarded })).status).toBe(421);
  const machine = { authorization: 'Bearer bbt_x' };
  expect((await ask('/api/session', { host: 'evil.example', headers: machine })).status).toBe(200);
});

test('no route changes anything for another site, whoever is signed in', async () => {
  const changing = routesOf(partsAt(null)).filter((route) => route.method !== 'GET');
  expect(changing.length).toBeGreaterThan(10);
  const foreign: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://127.0.0.1:4081' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ];
  for (const { method, path } of changing)
    for (const headers of foreign) {
      const answer = await ask(path.replace(':id', run), { method, headers });
      expect([answer.status, ((await answer.json()) as { code: string }).code], `${method} ${path}`).toEqual([
        403,
        'CROSS_SITE_REFUSED',
      ]);
    }
  const own: Record<string, string>[] = [{ origin: 'http://127.0.0.1:4080' }, { 'sec-fetch-site': 'same-origin' }, {}];
  for (const headers of own) expect((await ask('/api/session', { method: 'DELETE', headers })).status).toBe(204);
});

test('behind a proxy everything stands below its path, and cookies go by https alone', async () => {
  const url = 'https://omero.example.org/bridge';
  const host = 'omero.example.org';
  // The proxy may pass its path on or cut it off.
  for (const path of ['/bridge/', '/bridge', '/', '/bridge/runs/1']) {
    const html = await (await ask(path, { url, host })).text();
    expect(html, path).toContain('<meta name="base-path" content="/bridge/" />');
    expect(html, path).toMatch(/src="\/bridge\/assets\/[^"]+\.js"/);
    expect(html, path).not.toMatch(/(?:src|href)="\/assets/);
  }
  for (const path of ['/bridge/api/session', '/api/session'])
    expect(((await (await ask(path, { url, host })).json()) as { user: string }).user, path).toBe('chief');
  expect((await ask('/bridgehead/api/session', { url, host })).headers.get('content-type')).toContain('text/html');
  const landed = await ask(`/bridge/?token=${encodeURIComponent(token)}`, { url, host });
  expect([landed.status, landed.headers.get('location')]).toEqual([303, '/bridge/']);
  expect(landed.headers.get('set-cookie')).toMatch(/; Path=\/bridge\/; HttpOnly; SameSite=Strict; .*; Secure$/);
  expect(landed.headers.get('strict-transport-security')).toBe(secureHeaders['strict-transport-security']);
  expect((await ask('/')).headers.get('strict-transport-security')).toBeNull();
  // Its own name counts as ours, and its pages as ours.
  const origin = { origin: 'https://omero.example.org' };
  expect((await ask('/bridge/api/session', { url, host, method: 'DELETE', headers: origin })).status).toBe(204);
  expect((await ask('/api/session', { method: 'DELETE', headers: origin })).status).toBe(403);
});
