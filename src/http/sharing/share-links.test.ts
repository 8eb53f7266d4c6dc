import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import { bridgeError } from '../../domain/errors.ts';
import { ensureImports } from '../../orders/ensure-imports.ts';
import type { Viewer } from '../identity/viewer.ts';
import type { Method } from '../route.ts';
import type { SeenRun } from '../seen-run.ts';
import { checkAnswer } from '../testing/check-answer.ts';
import { plainRun, webParts } from '../testing/web-parts.ts';
import { buildWebApp, routesOf, type WebAppParts } from '../web-app.ts';
import { ShareAccess } from './share-access.ts';
import { listOpenShareLinks } from './share-links.ts';

const group = { id: 11, name: 'lab', leader: false, permissions: 'rw----' };
const person = (name: string, userId: number, more: object = {}): Viewer => ({
  ...{ name, userId, admin: false, groups: [group] },
  ...more,
});
const owner = person('owner', 1);
const leader = person('leader', 2, { groups: [{ ...group, leader: true }] });
const member = person('member', 3);
const admin = person('chief', 0, { admin: true, groups: [] });
const stranger = person('stranger', 4, { groups: [] });
const machine: Viewer = { name: 'token', userId: null, admin: true, groups: [], scopes: ['admin'] };

let db: TestDatabase;
let parts: WebAppParts;
let run = '';
/** What OMERO says of people; asking counts. */
let omero: Map<number, Viewer | Error>;
let asked = 0;
const stop = new AbortController();

beforeAll(async () => {
  db = await createTestDatabase({ migrations: true });
  await ensureImports(db.pool);
});
afterAll(async () => {
  stop.abort();
  await db.drop();
});
beforeEach(async () => {
  run = await plainRun(db.pool, 1, group);
  omero = new Map([owner, leader, member, admin].map((p) => [p.userId ?? -1, p]));
  asked = 0;
  const person = async (id: number): Promise<Viewer | null> => {
    asked++;
    const known = omero.get(id) ?? null;
    if (known instanceof Error) throw known;
    return known;
  };
  parts = webParts(db.pool, { storageFolder: '/nonexistent', signal: stop.signal, person });
});

async function ask(
  viewer: Viewer | null,
  method: Method,
  path: string,
  { cookie = '', body = {} }: { cookie?: string; body?: object } = {},
): Promise<Response> {
  const response = await buildWebApp(parts, async () => viewer).request(path, {
    method,
    headers: { host: 'here', 'content-type': 'application/json', cookie },
    ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
  });
  await checkAnswer(routesOf(parts), method, path, response);
  return response;
}

const codeOf = async (response: Response): Promise<string> => ((await response.json()) as { code: string }).code;

async function make(viewer = owner, days?: number): Promise<{ token: string; link: { id: string } }> {
  const response = await ask(viewer, 'POST', `/api/runs/${run}/links`, { body: { days } });
  expect(response.status).toBe(201);
  return (await response.json()) as { token: string; link: { id: string } };
}

async function open(token: string): Promise<string> {
  const response = await ask(null, 'POST', '/api/shared', { body: { token } });
  expect(response.status).toBe(200);
  return response.headers.get('set-cookie')?.split(';')[0] ?? '';
}

test('a link shows its run to somebody who is not signed in, says whose it is, and lets nothing be changed', async () => {
  const { token } = await make();
  const response = await ask(null, 'POST', '/api/shared', { body: { token } });
  expect(await response.json()).toEqual({ run });
  const header = response.headers.get('set-cookie') ?? '';
  expect(header).toMatch(
    new RegExp(`^biomero_bridge_shared=bbs_\\S+; Path=/api/runs/${run}; HttpOnly; SameSite=Strict; Max-Age=\\d+$`),
  );
  const seconds = Number(/Max-Age=(\d+)/.exec(header)?.[1]);
  expect(Math.abs(seconds - 14 * 86_400)).toBeLessThan(60);
  const cookie = header.split(';')[0] ?? '';
  const seen = (await (await ask(null, 'GET', `/api/runs/${run}`, { cookie })).json()) as SeenRun;
  expect(seen).toMatchObject({ id: run, mayChange: false, shared: { by: 'owner' } });
  expect((await ask(null, 'POST', `/api/runs/${run}/retry`, { cookie })).status).toBe(401);
});

test('the token is stored nowhere, and the audit has who made and who revoked the link', async () => {
  const { token, link } = await make(leader, 3);
  await open(token);
  await ask(admin, 'DELETE', `/api/runs/${run}/links/${link.id}`);
  const { rows } = await db.pool.query<{ row: string }>(
    `select t::text as row from bridge.share_links t union all select a::text from bridge.audit a`,
  );
  const secret = token.split('_').slice(2).join('_');
  expect(rows.filter((r) => r.row.includes(secret))).toEqual([]);
  const audit = await db.pool.query(`select who, action, reason from bridge.audit where run_id = $1 order by id`, [
    run,
  ]);
  expect(audit.rows).toEqual([
    { who: 'leader', action: 'share', reason: expect.stringContaining(`link ${link.id}, open until`) },
    { who: 'chief', action: 'share revoke', reason: `link ${link.id}, made by leader` },
  ]);
});

test('a link that ended says why: revoked, expired, or switched off', async () => {
  const [revoked, expired, open1] = [await make(), await make(), await make()];
  const cookies = await Promise.all([revoked, expired, open1].map(({ token }) => open(token)));
  await ask(owner, 'DELETE', `/api/runs/${run}/links/${revoked.link.id}`);
  await db.pool.query(`update bridge.share_links set expires_at = clock_timestamp() where id = $1`, [expired.link.id]);
  const said = async (i: number, token: string): Promise<string[]> => [
    await codeOf(await ask(null, 'GET', `/api/runs/${run}`, { cookie: cookies[i] ?? '' })),
    await codeOf(await ask(null, 'POST', '/api/shared', { body: { token } })),
  ];
  expect(await said(0, revoked.token)).toEqual(['SHARE_LINK_REVOKED', 'SHARE_LINK_REVOKED']);
  expect(await said(1, expired.token)).toEqual(['SHARE_LINK_EXPIRED', 'SHARE_LINK_EXPIRED']);
  expect((await ask(null, 'GET', `/api/runs/${run}`, { cookie: cookies[2] ?? '' })).status).toBe(200);
  const off = { on: false, runs: db.pool, cookie: { secure: true, path: '/' }, person: async () => owner };
  parts = { ...parts, shares: new ShareAccess({ ...off, quickStart: false }) };
  expect(await said(2, open1.token)).toEqual(['SHARE_LINKS_OFF', 'SHARE_LINKS_OFF']);
  expect(await codeOf(await ask(owner, 'POST', `/api/runs/${run}/links`))).toBe('SHARE_LINKS_OFF');
});

test('a link ends when its maker may no longer see the run, and opens it again when they may', async () => {
  const { token } = await make(leader);
  const cookie = await open(token);
  const ended = async (): Promise<string> => codeOf(await ask(null, 'POST', '/api/shared', { body: { token } }));
  omero.set(2, { ...leader, groups: [] });
  expect(await ended()).toBe('SHARE_LINK_MAKER_GONE');
  expect(await codeOf(await ask(null, 'GET', `/api/runs/${run}`, { cookie }))).toBe('SHARE_LINK_MAKER_GONE');
  // In a private group a former leader does not see what others made.
  omero.set(2, { ...leader, groups: [group] });
  expect(await ended()).toBe('SHARE_LINK_MAKER_GONE');
  omero.delete(2);
  expect(await ended()).toBe('SHARE_LINK_MAKER_GONE');
  omero.set(2, leader);
  await open(token);
  expect((await ask(null, 'GET', `/api/runs/${run}`, { cookie })).status).toBe(200);
});

test('OMERO is asked at every opening, and for the requests after it not again within a minute', async () => {
  const { token } = await make();
  const cookie = await open(token);
  await open(token);
  expect(asked).toBe(2);
  for (let i = 0; i < 5; i++) await ask(null, 'GET', `/api/runs/${run}`, { cookie });
  expect(asked).toBe(2);
});

test('an OMERO that cannot be asked opens nothing, and is asked again', async () => {
  const { token } = await make();
  omero.set(1, bridgeError('OMERO_UNREACHABLE', { server: 'omero:4064', reason: 'away' }));
  expect((await ask(null, 'POST', '/api/shared', { body: { token } })).status).toBe(503);
  omero.set(1, owner);
  await open(token);
});

test("links are made by who may change the run, and revoked by these and by the link's maker", async () => {
  for (const [viewer, status] of [
    [member, 404],
    [stranger, 404],
    [machine, 403],
    [null, 401],
  ] as const)
    expect((await ask(viewer, 'POST', `/api/runs/${run}/links`)).status, viewer?.name ?? 'nobody').toBe(status);
  const ids = async (viewer: Viewer): Promise<string[]> => {
    const { links } = (await (await ask(viewer, 'GET', `/api/runs/${run}/links`)).json()) as {
      links: { id: string }[];
    };
    return links.map((l) => l.id);
  };
  const revoke = async (viewer: Viewer, id: string): Promise<number> =>
    (await ask(viewer, 'DELETE', `/api/runs/${run}/links/${id}`)).status;
  const [first, second, third] = [
    (await make(leader)).link.id,
    (await make(owner)).link.id,
    (await make(admin)).link.id,
  ];
  expect(await ids(owner)).toEqual([third, second, first]);
  // A leader who is one no more, in a group where members see the run.
  const former = person('leader', 2, { groups: [{ ...group, permissions: 'rwr---' }] });
  expect(await ids(former)).toEqual([first]);
  expect(await revoke(former, second)).toBe(404);
  expect(await revoke(former, first)).toBe(204);
  expect(await revoke(owner, third)).toBe(204);
  expect(await revoke(leader, second)).toBe(204);
  expect(await revoke(leader, second)).toBe(404);
  expect(await ids(admin)).toEqual([]);
});

test('a link opens its run also to somebody who is signed in and has no right to it; own rights come first', async () => {
  const cookie = await open((await make()).token);
  const seen = async (viewer: Viewer): Promise<SeenRun> =>
    (await (await ask(viewer, 'GET', `/api/runs/${run}`, { cookie })).json()) as SeenRun;
  expect((await ask(stranger, 'GET', `/api/runs/${run}`)).status).toBe(404);
  expect(await seen(stranger)).toMatchObject({ mayChange: false, shared: { by: 'owner' } });
  expect(await seen(owner)).toMatchObject({ mayChange: true, shared: null });
  // A machine is judged by its token alone.
  const orders: Viewer = { ...machine, admin: false, scopes: ['orders'] };
  expect((await ask(orders, 'GET', `/api/runs/${run}`, { cookie })).status).toBe(403);
});

test.each([
  ['another secret', (token: string) => `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`],
  ['another id', (token: string) => token.replace(/_.{12}_/, '_000000000000_')],
  ['a longer one', (token: string) => `${token}A`],
  ['no secret', (token: string) => token.slice(0, 17)],
])('%s opens nothing', async (_, change) => {
  const token = change((await make()).token);
  expect(await codeOf(await ask(null, 'POST', '/api/shared', { body: { token } }))).toBe('SHARE_LINK_UNKNOWN');
  const cookie = `biomero_bridge_shared=${token}`;
  expect((await ask(null, 'GET', `/api/runs/${run}`, { cookie })).status).toBe(401);
});

test('how long a link is open, and how many a run has, is bounded', async () => {
  for (const days of [0, -1, 91, 1.5, '7'])
    expect((await ask(owner, 'POST', `/api/runs/${run}/links`, { body: { days } })).status, String(days)).toBe(400);
  const made = await Promise.all(
    Array.from({ length: 23 }, () => ask(owner, 'POST', `/api/runs/${run}/links`, { body: { days: 90 } })),
  );
  expect(made.filter((r) => r.status === 201)).toHaveLength(20);
  expect(made.filter((r) => r.status === 409)).toHaveLength(3);
  expect(await listOpenShareLinks(db.pool, run)).toHaveLength(20);
});

test("a link of the quick start's user works as long as its token signs people in", async () => {
  const { token } = await make({ name: 'quick start', userId: null, admin: true, groups: [] });
  expect(await codeOf(await ask(null, 'POST', '/api/shared', { body: { token } }))).toBe('SHARE_LINK_MAKER_GONE');
  const cookie = { secure: true, path: '/bridge/' };
  const on = { on: true, runs: db.pool, cookie, person: async () => null, quickStart: true };
  parts = { ...parts, shares: new ShareAccess(on) };
  const response = await ask(null, 'POST', '/api/shared', { body: { token } });
  expect(response.headers.get('set-cookie')).toMatch(new RegExp(`; Path=/bridge/api/runs/${run}; .*; Secure$`));
});
