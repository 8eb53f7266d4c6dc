import { createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import type { NotifyConfig } from '../config/config.ts';
import { stepNames } from '../domain/vocabulary.ts';
import { ensureImports } from '../orders/ensure-imports.ts';
import { insertRun } from '../runs/write-run.ts';
import { sendNext, sendTest, type NotifierParts } from './notifier.ts';
import { claimNotification, collectNotifications, listNotifications, markSent, switchWays } from './outbox.ts';
import { recipientsOf } from './send-mail.ts';

const secret = 'a secret of sixteen or more';
const hostile = 'nuclei\r\nBcc: everybody@example.org\r\n\r\n<script>\u202e';
const log = pino({ level: 'silent' });

interface Mail {
  to: string[];
  text: string;
}
let db: TestDatabase;
let mailServer: SMTPServer;
let hookServer: Server;
let parts: NotifierParts;
const mails: Mail[] = [];
const hooks: { request: IncomingMessage; body: string }[] = [];
let answer = 204;

beforeAll(async () => {
  db = await createTestDatabase({ migrations: true });
  await ensureImports(db.pool);
  mailServer = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onData(stream, session, done) {
      let text = '';
      stream.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
      stream.on('end', () => {
        mails.push({ to: session.envelope.rcptTo.map((r) => r.address), text });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => mailServer.listen(0, '127.0.0.1', () => resolve()));
  hookServer = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    request.on('end', () => {
      hooks.push({ request, body });
      response.writeHead(answer, answer === 302 ? { location: '/elsewhere' } : {}).end();
    });
  });
  await new Promise<void>((resolve) => hookServer.listen(0, '127.0.0.1', resolve));
  const port = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;
  const config: NotifyConfig = {
    mail: {
      server: `smtp://127.0.0.1:${port(mailServer.server)}`,
      caFile: null,
      from: 'bridge@example.org',
      to: ['{user}@example.org', 'facility@example.org'],
    },
    webhook: { url: `http://127.0.0.1:${port(hookServer)}/hook`, secret },
  };
  parts = { config, sources: { runs: db.pool, orders: db.pool }, webUrl: 'https://omero.example.org/bridge/', log };
});
afterAll(async () => {
  await new Promise<void>((resolve) => mailServer.close(() => resolve()));
  hookServer.close();
  await db.drop();
});
beforeEach(async () => {
  mails.length = 0;
  hooks.length = 0;
  answer = 204;
  await db.pool.query('delete from bridge.runs');
  await switchWays(db.pool, []);
});

async function newRun(user = 'alice'): Promise<string> {
  const id = randomUUID();
  await insertRun(
    db.pool,
    {
      id,
      taskId: randomUUID(),
      workflowTaskId: randomUUID(),
      workflow: hostile,
      workflowVersion: '1',
      parameters: {},
      recipe: 'import-results',
      user: { id: 2, name: user },
      group: { id: 3, name: 'g\r\nX-Injected: 1' },
      input: null,
      dataPath: 'data',
      status: 'RUNNING',
    },
    stepNames,
  );
  return id;
}

const end = (id: string, outcome: 'done' | 'failed'): Promise<unknown> =>
  db.pool.query(
    `update bridge.runs set outcome = $2, ended_at = clock_timestamp(), updated_at = clock_timestamp(),
       failed_at = case when $2 = 'failed' then clock_timestamp() end where id = $1`,
    [id, outcome],
  );
const attention = (id: string, code: string | null): Promise<unknown> =>
  db.pool.query(
    `update bridge.runs set attention = $2, attention_detail = $2, updated_at = clock_timestamp() where id = $1`,
    [id, code],
  );
async function tell(): Promise<void> {
  await collectNotifications(db.pool);
  while (await sendNext(parts));
}

test('a run that ended is told once by every way, however often and by however many it is looked at', async () => {
  const before = await newRun();
  await end(before, 'done');
  await switchWays(db.pool, ['mail', 'webhook']);
  const id = await newRun();
  await tell();
  expect([mails.length, hooks.length]).toEqual([0, 0]);
  await end(id, 'done');
  await Promise.all([tell(), tell(), tell()]);
  await switchWays(db.pool, ['mail', 'webhook']);
  await tell();
  expect([mails.length, hooks.length]).toEqual([1, 1]);
  const rows = await listNotifications(db.pool, 10);
  expect(rows.map((r) => [r.run, r.state, r.attempts, r.problem])).toEqual([
    [id, 'done', 1, null],
    [id, 'done', 1, null],
  ]);
});

test('what a run waits for is told once per cause, and a failure again after a retry', async () => {
  await switchWays(db.pool, ['webhook']);
  const id = await newRun();
  for (const code of ['OMERO_AWAY', null, 'OMERO_AWAY', 'STORAGE_FULL']) {
    await attention(id, code);
    await tell();
  }
  await attention(id, null);
  for (let i = 0; i < 2; i++) {
    await end(id, 'failed');
    await tell();
    await db.pool.query(`update bridge.runs set outcome = null, ended_at = null, failed_at = null where id = $1`, [id]);
    await tell();
  }
  expect(hooks.map((h) => (JSON.parse(h.body) as { state: string }).state)).toEqual([
    'attention',
    'attention',
    'failed',
    'failed',
  ]);
});

test('a name with line breaks and markup adds no header to a mail, and its text is plain', async () => {
  await switchWays(db.pool, ['mail']);
  await end(await newRun(), 'failed');
  await tell();
  const [mail] = mails;
  expect(mail?.to).toEqual(['alice@example.org', 'facility@example.org']);
  const [head = '', ...body] = (mail?.text ?? '').split('\r\n\r\n');
  const names = head
    .split('\r\n')
    .filter((line) => !/^\s/.test(line))
    .map((line) => line.split(':')[0]?.toLowerCase());
  expect(names).not.toContain('bcc');
  expect(names).not.toContain('x-injected');
  expect(names).toContain('subject');
  expect(head).toMatch(/Content-Type: text\/plain/i);
  expect(head).toMatch(/Auto-Submitted: auto-generated/i);
  expect(body.join('')).not.toContain('\u202e');
  expect(mails).toHaveLength(1);
});

test('only names that can stand in an address are written to', () => {
  const to = ['{user}@example.org', 'admin@example.org'];
  expect(recipientsOf(to, 'al.ice+x')).toEqual(['al.ice+x@example.org', 'admin@example.org']);
  for (const user of ['a b', 'a@evil.example', 'a\r\nBcc: b', '<a>', 'a,b', '', null])
    expect(recipientsOf(to, user)).toEqual(['admin@example.org']);
});

test('a webhook is signed over time and body, and names its delivery', async () => {
  await switchWays(db.pool, ['webhook']);
  const id = await newRun();
  await end(id, 'done');
  await tell();
  const { request, body } = hooks[0] ?? {};
  const [, seconds, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(
    String(request?.headers['x-biomero-bridge-signature']),
  ) ?? ['', '', ''];
  expect(signature).toBe(createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex'));
  expect(JSON.parse(body ?? '{}')).toMatchObject({
    id: request?.headers['x-biomero-bridge-delivery'],
    state: 'done',
    run: { id, user: 'alice' },
    page: `https://omero.example.org/bridge/runs/${id}`,
  });
});

test.each([500, 302])(
  'an answer of %i is tried again later under the same id, and told with its reason',
  async (code) => {
    await switchWays(db.pool, ['webhook']);
    await end(await newRun(), 'done');
    answer = code;
    await tell();
    await tell();
    expect(hooks).toHaveLength(1);
    const [row] = await listNotifications(db.pool, 1);
    expect(row).toMatchObject({ sentAt: null, attempts: 1, problem: expect.stringContaining('webhook') });
    answer = 204;
    await db.pool.query('update bridge.notifications set next_at = clock_timestamp()');
    await tell();
    const deliveries = hooks.map((h) => h.request.headers['x-biomero-bridge-delivery']);
    expect(deliveries).toEqual([row?.id, row?.id]);
    expect((await listNotifications(db.pool, 1))[0]).toMatchObject({ attempts: 2, problem: null });
  },
);

test('a sender that died in the middle is followed by another after a while, with the same id', async () => {
  await switchWays(db.pool, ['webhook']);
  await end(await newRun(), 'done');
  await collectNotifications(db.pool);
  const claimed = await claimNotification(db.pool);
  expect(await claimNotification(db.pool)).toBeNull();
  await db.pool.query(`update bridge.notifications set next_at = next_at - interval '10 minutes'`);
  const again = await claimNotification(db.pool);
  expect(again).toMatchObject({ id: claimed?.id, attempts: 2 });
  await markSent(db.pool, again?.id ?? '');
  expect(await claimNotification(db.pool)).toBeNull();
});

test('a test is sent by every way that is configured, and says what became of each', async () => {
  expect(await sendTest(parts.config)).toEqual([
    { way: 'mail', problem: null },
    { way: 'webhook', problem: null },
  ]);
  expect(mails[0]?.to).toEqual(['facility@example.org']);
  answer = 500;
  const [, webhook] = await sendTest(parts.config);
  expect(webhook?.problem).toContain('it answers 500');
  await expect(sendTest({ mail: null, webhook: null })).rejects.toMatchObject({ code: 'NOTIFICATIONS_OFF' });
});
