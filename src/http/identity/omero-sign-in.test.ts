import { pino } from 'pino';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import type { OmeroConfig } from '../../config/config.ts';
import { bridgeAccount, startTestOmero, type TestOmero } from '../../embedded/omero/testing.ts';
import { OmeroSession } from '../../omero/session.ts';
import { personById } from './omero-person.ts';
import { OmeroSignIn } from './omero-sign-in.ts';

let omero: TestOmero;
let config: OmeroConfig;

beforeAll(async () => {
  omero = await startTestOmero();
  config = bridgeAccount(omero);
});
afterAll(() => omero?.drop());

function signIns(): OmeroSignIn {
  const signIn = new OmeroSignIn(config, pino({ level: 'silent' }));
  onTestFinished(() => signIn.close());
  return signIn;
}

test('a person is who OMERO says: groups with their types, leadership, administration', async () => {
  const signIn = signIns();
  const { cookie, viewer } = await signIn.signIn('alice', 'alice-secret');
  expect(viewer).toMatchObject({ name: 'alice', admin: false });
  const groups = Object.fromEntries(viewer.groups.map((g) => [g.name, [g.permissions, g.leader]]));
  expect(groups).toMatchObject({
    private: ['rw----', false],
    readonly: ['rwr---', false],
    annotate: ['rwra--', false],
    write: ['rwrw--', true],
  });
  expect(await signIn.viewer(cookie)).toEqual(viewer);
  expect(cookie).not.toContain('alice');
  expect((await signIn.signIn('root', 'root-secret')).viewer.admin).toBe(true);
});

test('a wrong password, a changed cookie and another server’s cookie are nobody’s', async () => {
  const signIn = signIns();
  await expect(signIn.signIn('alice', 'wrong')).rejects.toMatchObject({ code: 'SIGN_IN_REFUSED' });
  await expect(signIn.signIn('nobody', 'alice-secret')).rejects.toMatchObject({ code: 'SIGN_IN_REFUSED' });
  const { cookie } = await signIn.signIn('alice', 'alice-secret');
  expect(await signIn.viewer(`${cookie}x`)).toBeNull();
  expect(await signIn.viewer(`x${cookie}`)).toBeNull();
  expect(await signIns().viewer(cookie)).toBeNull();
});

test('signing out ends the OMERO session, and so does the end of the server', async () => {
  const signIn = signIns();
  const sessions = vi.spyOn(OmeroSession, 'signIn');
  onTestFinished(() => sessions.mockRestore());
  const first = await signIn.signIn('alice', 'alice-secret');
  await signIn.signIn('bob', 'bob-secret');
  const opened = await Promise.all(sessions.mock.results.map((r) => r.value as Promise<OmeroSession>));
  const admin = await OmeroSession.signIn(config, { user: 'root', password: 'root-secret' });
  onTestFinished(() => admin.close());
  await signIn.signOut(first.cookie);
  expect(await signIn.viewer(first.cookie)).toBeNull();
  expect(await admin.closeSession(opened[0]?.context.sessionId ?? -1)).toBe('gone');
  await signIn.close();
  expect(await admin.closeSession(opened[1]?.context.sessionId ?? -1)).toBe('gone');
});

test('rights are read again after a minute; a session that ended in OMERO signs out', async () => {
  const signIn = signIns();
  const sessions = vi.spyOn(OmeroSession, 'signIn');
  onTestFinished(() => sessions.mockRestore());
  const { cookie, viewer } = await signIn.signIn('bob', 'bob-secret');
  const session = (await sessions.mock.results[0]?.value) as OmeroSession;
  vi.useFakeTimers({ now: Date.now() + 61_000, toFake: ['Date'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  expect(await signIn.viewer(cookie)).toEqual(viewer);
  const admin = await OmeroSession.signIn(config, { user: 'root', password: 'root-secret' });
  onTestFinished(() => admin.close());
  expect(await admin.closeSession(session.context.sessionId)).toBe('closed');
  vi.setSystemTime(Date.now() + 130_000);
  expect(await signIn.viewer(cookie)).toBeNull();
});

test('somebody who is not signed in is who the service account finds: nobody once OMERO lets them in no more', async () => {
  const admin = await OmeroSession.signIn(config, { user: 'root', password: 'root-secret' });
  onTestFinished(() => admin.close());
  const signIn = signIns();
  const { viewer: alice } = await signIn.signIn('alice', 'alice-secret');
  expect(await personById(admin, alice.userId ?? -1)).toEqual(alice);
  const { viewer: root } = await signIn.signIn('root', 'root-secret');
  expect(await personById(admin, root.userId ?? -1)).toEqual(root);
  expect(await personById(admin, 987_654)).toBeNull();
  // Whom an administrator deactivates loses the membership of `user`, and keeps the others.
  const groups = admin.groupsOf.bind(admin);
  vi.spyOn(admin, 'groupsOf').mockImplementation(async (id) => (await groups(id)).filter((g) => g.name !== 'user'));
  expect(await personById(admin, alice.userId ?? -1)).toBeNull();
});
