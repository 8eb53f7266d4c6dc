import { chown } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { chooseRunAs } from './run-as.ts';

const root = process.getuid?.() === 0;

test.runIf(root)('root: the user asked for, by name or number', () => {
  const nobody = chooseRunAs('nobody', '/nowhere');
  expect(nobody).toMatchObject({ name: 'nobody', uid: expect.any(Number), gid: expect.any(Number) });
  expect(chooseRunAs(String(nobody?.uid), '/nowhere')).toEqual(nobody);
  // A number without an entry, as in containers, gets no group that may mean something.
  expect(chooseRunAs('54321', '/nowhere')).toEqual({ uid: 54321, gid: 65534, name: '54321' });
});

test.runIf(root)('root: the owner of the data folder, else an unprivileged user', async () => {
  const folder = await temporaryFolder('run-as');
  expect(chooseRunAs(undefined, folder)).toMatchObject({ name: 'nobody' });
  expect(chooseRunAs(undefined, join(folder, 'missing'))).toMatchObject({ name: 'nobody' });
  await chown(folder, 54321, 54322);
  expect(chooseRunAs(undefined, folder)).toEqual({ uid: 54321, gid: 54322, name: '54321' });
  await chown(folder, 1, 1);
  expect(chooseRunAs(undefined, folder)).toMatchObject({ uid: 1, name: expect.stringMatching(/^[a-z_]/) });
});

test.runIf(root).each([
  ['no such user', 'USER_UNKNOWN'],
  ['', 'USER_UNKNOWN'],
  ['--help', 'USER_UNKNOWN'],
  ['-1', 'USER_UNKNOWN'],
  ['99999999999', 'USER_UNKNOWN'],
  ['root', 'RUN_AS_ROOT'],
  ['0', 'RUN_AS_ROOT'],
])('root: --run-as %j is refused', (asked, code) => {
  expect(() => chooseRunAs(asked, '/nowhere')).toThrow(expect.objectContaining({ code }));
});

test.runIf(!root)('anybody else stays who they are, and cannot ask for another', () => {
  expect(chooseRunAs(undefined, '/nowhere')).toBeNull();
  expect(chooseRunAs(userInfo().username, '/nowhere')).toBeNull();
  expect(() => chooseRunAs('root', '/nowhere')).toThrow(expect.objectContaining({ code: 'RUN_AS_NEEDS_ROOT' }));
});
