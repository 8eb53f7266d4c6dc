import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describedRoutes } from '../../src/docs/openapi-page.ts';
import { checkAnswer } from '../../src/http/testing/check-answer.ts';
import { QuickStartFolder, type Started } from '../support/quick-start.ts';

// Another program on the same network, which knows nothing but an address and a token.
const folder = new QuickStartFolder({ environment: { BIOMERO_BRIDGE_CLEANUP: 'false' } });
let started: Started;
let address = '';
let token = '';
let job = 0;

beforeAll(async () => {
  started = folder.start('--seed', '7');
  const found = await folder.until(started, async () => /(http:\/\/\S+)\/\?token=/.exec(started.output()));
  address = found[1] ?? '';
  token = folder.cli('token', 'create', 'scripts', '--scope', 'import').trim();
}, 180_000);
afterAll(() => folder.remove());

async function ask(method: 'GET' | 'POST', path: string, body?: unknown, as = token): Promise<Response> {
  const response = await fetch(`${address}${path}`, {
    method,
    headers: { authorization: `Bearer ${as}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  await checkAnswer(describedRoutes(), method, path, response);
  return response;
}

interface ImportState {
  run: string;
  state: string;
  finished: boolean;
  archive: string | null;
  imagesFound: number;
  imagesTotal: number | null;
}

test('before there is a job, it asks whether results of a group could be stored', async () => {
  const fine = await ask('POST', '/api/imports/preflight', { group: 'demo', user: 'researcher' });
  expect(fine.status).toBe(200);
  expect(await fine.json()).toMatchObject({ ok: true, group: 'demo', source: expect.any(String) });
  const unknown = await ask('POST', '/api/imports/preflight', { group: 'nobody knows' });
  expect(unknown.status).toBeGreaterThanOrEqual(400);
  expect(await unknown.json()).toMatchObject({ code: 'OMERO_GROUP_UNKNOWN' });
});

test('it hands a job over once, however often it asks, and follows it to its end', async () => {
  const runs = await folder.connect('biomero');
  try {
    const before = await folder.until(started, async () => {
      const { rows } = await runs.query(
        `select id, job_id, user_name, group_name from bridge.runs where outcome = 'done'`,
      );
      return rows[0];
    });
    job = Number(before.job_id);
    // Its own report looks at the run.
    await folder.until(started, async () => /Page +\S+\/runs\//.test(started.output()));
    // As if BIOMERO itself had run it: its log knows the job, and we do not.
    await runs.query('delete from bridge.runs');
    const wanted = { job, user: before.user_name, group: before.group_name };
    const answers = await Promise.all([1, 2, 3].map(() => ask('POST', '/api/imports', wanted)));
    expect(answers.map((a) => a.status).sort()).toEqual([200, 200, 201]);
    const states = (await Promise.all(answers.map((a) => a.json()))) as ImportState[];
    const [first] = states;
    expect(new Set(states.map((s) => s.run))).toEqual(new Set([before.id]));
    const ended = await folder.until(started, async () => {
      const state = (await (await ask('GET', `/api/imports/${first?.run}`)).json()) as ImportState;
      return state.finished && state;
    });
    expect(ended).toMatchObject({ state: 'done', archive: expect.stringContaining('/.analyzed/') });
    expect(ended.imagesTotal).toBeGreaterThan(0);
    expect(ended.imagesFound).toBe(ended.imagesTotal);
    // Long afterwards it is the same run, with the workflow's id as without.
    for (const again of [wanted, { ...wanted, workflow: before.id }]) {
      const answer = await ask('POST', '/api/imports', again);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ run: before.id, state: 'done' });
    }
    const { rows: audit } = await runs.query(`select who, action from bridge.audit where action = 'import'`);
    expect(audit).toEqual([{ who: 'token scripts', action: 'import' }]);
  } finally {
    await runs.end();
  }
}, 120_000);

test('it may do nothing that its token does not say, and nothing once that is revoked', async () => {
  for (const path of ['/api/runs', '/api/admin/orders', '/api/admin/audit', '/api/events'])
    expect((await ask('GET', path)).status).toBe(403);
  expect((await ask('GET', '/api/runs', undefined, 'bbt_wrong')).status).toBe(401);
  expect(await (await ask('POST', '/api/imports', { job: 999_999 })).json()).toMatchObject({
    code: expect.any(String),
  });
  expect((await ask('POST', '/api/imports', { job: 'one' })).status).toBe(400);
  expect((await ask('POST', '/api/imports', { job, workflow: 'no uuid' })).status).toBe(400);
  // Under a name that is not ours, as in a network of containers: browsers are refused there, a token is not.
  expect(await statusUnder('bridge.example', { authorization: `Bearer ${token}` })).toBe(403);
  expect(await statusUnder('bridge.example', {})).toBe(421);
  expect(folder.cli('token', 'list')).toMatch(/scripts +import .*valid/);
  folder.cli('token', 'revoke', 'scripts');
  expect((await ask('POST', '/api/imports', { job })).status).toBe(401);
}, 180_000);

/** fetch does not let a caller set Host. */
function statusUnder(host: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request(`${address}/api/runs`, { headers: { ...headers, host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on('error', reject).end();
  });
}
