import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { ensureImports } from '../orders/ensure-imports.ts';
import { SignInAttempts } from './identity/sign-in-attempts.ts';
import type { Viewer } from './identity/viewer.ts';
import type { Scope } from './identity/scopes.ts';
import type { Method, Route } from './route.ts';
import { checkAnswer } from './testing/check-answer.ts';
import { plainRun, webParts } from './testing/web-parts.ts';
import { buildWebApp, routesOf, type WebAppParts } from './web-app.ts';

// Every route × everybody × every type of group, from the route table itself: a route that is added is tested here.

const groupTypes = { 'rw----': 11, 'rwr---': 12, 'rwra--': 13, 'rwrw--': 14 } as const;
type GroupType = keyof typeof groupTypes;
const owner = 100;

/** Machines with a token of one scope. */
const machines: Readonly<Record<string, Scope>> = {
  'machine that reads': 'read',
  'machine that hands over jobs': 'import',
  'machine for orders': 'orders',
  'machine for everything': 'admin',
};

const people = [
  'anonymous',
  'stranger',
  'member',
  'former owner',
  'owner',
  'leader',
  'admin',
  'holder of a link',
  'holder of a link to another run',
  ...Object.keys(machines),
] as const;
type Person = string;

function viewerOf(person: Person, type: GroupType): Viewer | null {
  const group = { id: groupTypes[type], name: type, leader: person === 'leader', permissions: type };
  const elsewhere = { id: 99, name: 'elsewhere', leader: true, permissions: 'rwrw--' };
  switch (person) {
    case 'anonymous':
    case 'holder of a link':
    case 'holder of a link to another run':
      return null;
    case 'stranger':
      return { name: person, userId: 1, admin: false, groups: [elsewhere] };
    case 'former owner':
      return { name: person, userId: owner, admin: false, groups: [elsewhere] };
    case 'member':
      return { name: person, userId: 2, admin: false, groups: [group] };
    case 'owner':
      return { name: person, userId: owner, admin: false, groups: [elsewhere, group] };
    case 'leader':
      return { name: person, userId: 3, admin: false, groups: [group] };
    case 'admin':
      return { name: person, userId: 0, admin: true, groups: [] };
    default: {
      const scope = machines[person] as Scope;
      return { name: person, userId: null, admin: scope === 'admin', groups: [], scopes: [scope] };
    }
  }
}

function sees(person: Person, type: GroupType): boolean {
  if (person === 'member') return type !== 'rw----';
  return (
    person === 'owner' ||
    person === 'leader' ||
    person === 'admin' ||
    person === 'machine that reads' ||
    person === 'machine for everything'
  );
}

/** What a machine may do, written once more here. */
function machineMay(scope: Scope, { method, path, rule }: Route): boolean {
  const forPeople = (rule === 'signed-in' && method !== 'GET') || path.startsWith('/api/runs/:id/links');
  switch (scope) {
    case 'read':
      return method === 'GET' && !forPeople && (rule === 'signed-in' || rule === 'see-run');
    case 'import':
      return path.startsWith('/api/imports');
    case 'orders':
      return path.startsWith('/api/admin/orders') || path === '/api/admin/queue';
    case 'admin':
      return !forPeople;
  }
}

/** What the holder of a share link to a run gets of it, written once more here. */
const sharedPaths = [
  ...['', '/events', '/log', '/log/download', '/file', '/preview', '/source', '/table', '/table/points'],
].map((path) => `/api/runs/:id${path}`);

/** What the rule says: refused with this status, or let in. */
function expected(route: Route, person: Person, type: GroupType): 401 | 403 | 404 | 'in' {
  const { rule } = route;
  if (rule === 'public') return 'in';
  if (person === 'holder of a link') return route.method === 'GET' && sharedPaths.includes(route.path) ? 'in' : 401;
  if (person === 'holder of a link to another run') return 401;
  const scope = machines[person];
  if (scope) return machineMay(scope, route) ? 'in' : 403;
  if (person === 'anonymous') return 401;
  if (rule === 'signed-in') return 'in';
  if (rule === 'admin') return person === 'admin' ? 'in' : 403;
  if (!sees(person, type)) return 404;
  return rule === 'change-run' && person === 'member' ? 403 : 'in';
}

let db: TestDatabase;
let storageFolder = '';
let parts: WebAppParts;
const runs = new Map<GroupType, string>();
/** Cookies of those who opened the owner's share link, by the type of the group. */
const cookies = new Map<GroupType, string>();
const stop = new AbortController();

beforeAll(async () => {
  db = await createTestDatabase({ migrations: true });
  await ensureImports(db.pool);
  storageFolder = await mkdtemp(join(tmpdir(), 'biomero-bridge-rights-'));
  const allGroups = (Object.keys(groupTypes) as GroupType[]).flatMap((type) => viewerOf('member', type)?.groups ?? []);
  // The links' maker stays in every group.
  const maker = { ...viewerOf('owner', 'rw----'), groups: allGroups } as Viewer;
  parts = webParts(db.pool, { storageFolder, signal: stop.signal, person: async () => maker });
  for (const [type, id] of Object.entries(groupTypes) as [GroupType, number][]) {
    const run = await plainRun(db.pool, owner, { id, name: type });
    runs.set(type, run);
    const { token } = (await (await ask(viewerOf('owner', type), 'POST', `/api/runs/${run}/links`)).json()) as {
      token: string;
    };
    const opened = await ask(null, 'POST', '/api/shared', { body: { token } });
    cookies.set(type, opened.headers.get('set-cookie')?.split(';')[0] ?? '');
  }
  // A second cookie of the same name, as it would stand if the path of a cookie did not keep them apart.
  cookies.set('rwr---', `${cookies.get('rwra--')}; ${cookies.get('rwr---')}`);
});
afterAll(async () => {
  stop.abort();
  await db.drop();
  await rm(storageFolder, { recursive: true });
});

async function ask(
  viewer: Viewer | null,
  method: Method,
  path: string,
  { cookie = '', body = {} }: { cookie?: string; body?: object } = {},
): Promise<Response> {
  const app = buildWebApp(parts, async () => viewer);
  const response = await app.request(path, {
    method,
    headers: { host: 'here', 'content-type': 'application/json', cookie },
    ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    await checkAnswer(routesOf(parts), method, path, response);
    return response;
  }
  // An open stream has let the viewer in.
  await response.body?.cancel();
  return response;
}

describe.each(people)('%s', (person) => {
  for (const type of Object.keys(groupTypes) as GroupType[])
    test(`in a ${type} group gets what the rule of each route says`, async () => {
      const id = runs.get(type) ?? '';
      const viewer = viewerOf(person, type);
      const other = type === 'rw----' ? 'rwrw--' : 'rw----';
      const cookie =
        { 'holder of a link': cookies.get(type), 'holder of a link to another run': cookies.get(other) }[person] ?? '';
      for (const route of routesOf(parts)) {
        const response = await ask(viewer, route.method, route.path.replace(':id', id), { cookie });
        const status = response.status;
        const where = `${route.method} ${route.path}`;
        const rule = expected(route, person, type);
        if (rule !== 'in') expect(status, where).toBe(rule);
        // Let in: the handler may still say that there is no log or file yet, or nothing to retry.
        else if (status === 404)
          expect(await response.text(), where).toMatch(
            /LOG_NOT_THERE|FILE_NOT_FOUND|ORDER_UNKNOWN|SHARE_LINK_NOT_OPEN/,
          );
        else expect([200, 201, 204, 400, 409], where).toContain(status);
      }
    });

  test('sees a list and a stream of just the runs that may be opened', async () => {
    for (const type of Object.keys(groupTypes) as GroupType[]) {
      const viewer = viewerOf(person, type);
      if (!viewer || (viewer.scopes && !sees(person, type))) continue;
      const body = (await (await ask(viewer, 'GET', '/api/runs')).json()) as { runs: { id: string }[] };
      const visible = viewer.admin || viewer.scopes ? [...runs.values()] : sees(person, type) ? [runs.get(type)] : [];
      expect(body.runs.map((r) => r.id).sort()).toEqual([...visible].sort());
      const counts = (await (await ask(viewer, 'GET', '/api/runs/counts')).json()) as { running: number };
      expect(counts.running).toBe(visible.length);
      const names = (await (await ask(viewer, 'GET', '/api/runs/names')).json()) as { groups: string[] };
      expect(names.groups).toHaveLength(visible.length);
      const sent = await new Promise((resolve) => {
        const close = parts.live.open(viewer, null, (event) => {
          resolve(event.event === 'runs' ? event.data.map((r) => r.id).sort() : event);
          setTimeout(() => close());
        });
      });
      expect(sent).toEqual([...visible].sort());
    }
  });
});

test('a stream of a run that may not be seen is refused like one of a run that is not there', async () => {
  const stranger = viewerOf('stranger', 'rwr---');
  expect((await ask(stranger, 'GET', `/api/runs/${runs.get('rwr---')}/events`)).status).toBe(404);
  expect((await ask(stranger, 'GET', `/api/runs/${randomUUID()}/events`)).status).toBe(404);
  expect((await ask(viewerOf('member', 'rwr---'), 'GET', `/api/runs/${runs.get('rwr---')}/events`)).status).toBe(200);
});

test('pages of the list hold every run once, also those launched at the same moment', async () => {
  const admin = viewerOf('admin', 'rwr---');
  const many = 120;
  for (let i = 0; i < many; i++) await plainRun(db.pool, owner, { id: 12, name: 'rwr---' });
  await db.pool.query(`update bridge.runs set launched_at = '2026-01-01T00:00:00.000123Z'`);
  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const path: string = `/api/runs?user=owner${cursor ? `&cursor=${cursor}` : ''}`;
    const page = (await (await ask(admin, 'GET', path)).json()) as { runs: { id: string }[]; next: string | null };
    seen.push(...page.runs.map((r) => r.id));
    cursor = page.next;
  }
  expect(seen).toHaveLength(many + 4);
  expect(new Set(seen).size).toBe(many + 4);
});

test('filters narrow the list, and their text is never a pattern', async () => {
  const admin = viewerOf('admin', 'rwr---');
  const count = async (query: string): Promise<number> =>
    ((await (await ask(admin, 'GET', `/api/runs/counts?${query}`)).json()) as { running: number }).running;
  const id = runs.get('rw----') ?? '';
  expect(await count(`text=${id.slice(0, 13)}`)).toBe(1);
  expect(await count('group=rw----')).toBe(1);
  expect(await count('user=nobody')).toBe(0);
  const list = async (query: string): Promise<number> =>
    ((await (await ask(admin, 'GET', `/api/runs?${query}`)).json()) as { runs: unknown[] }).runs.length;
  expect(await list('state=running&group=rw----')).toBe(1);
  expect(await list('state=failed,done,attention')).toBe(0);
  expect(await count('text=nucl')).toBeGreaterThan(1);
  expect(await count('text=%25')).toBe(0);
  expect(await count('text=_')).toBe(0);
  expect((await ask(admin, 'GET', '/api/runs?state=great')).status).toBe(400);
  expect((await ask(admin, 'GET', '/api/runs?cursor=1')).status).toBe(400);
});

test('guessing of passwords is slowed down, per name and per address', () => {
  const attempts = new SignInAttempts({ limit: 3, windowMs: 60_000 });
  for (let i = 0; i < 3; i++) attempts.failed(['user a', 'address 1'], 1_000 + i);
  expect(attempts.waitSeconds(['user a', 'address 2'], 2_000)).toBe(59);
  expect(attempts.waitSeconds(['user b', 'address 1'], 2_000)).toBe(59);
  expect(attempts.waitSeconds(['user b', 'address 2'], 2_000)).toBe(0);
  expect(attempts.waitSeconds(['user a'], 62_000)).toBe(0);
  attempts.succeeded('user a');
  expect(attempts.waitSeconds(['user a'], 2_000)).toBe(0);
});
