import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeWithPart, hasExecutable } from '../../../test/support/optional-part.ts';
import { serverUser } from '../../../test/support/server-user.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { checkImportProgram, checkManagedRepository } from './self-check.ts';

const main = 'ome.formats.importer.cli.CommandLineImporter';

async function program(name: string, script: string): Promise<string> {
  const folder = await temporaryFolder('program');
  await chmod(folder, 0o755);
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

describe('the import program', () => {
  const check = (...command: string[]) => checkImportProgram({ command, runAs: serverUser });

  test('a Java that is not there', async () => {
    expect(await check('/nowhere/java', '-cp', 'x', main)).toMatchObject({
      outcome: 'failed',
      detail: '/nowhere/java cannot be started (ENOENT).',
      remedy: expect.stringContaining('Install a Java runtime'),
    });
  });

  test('a Java that is too old', async () => {
    const java = await program('java', `echo 'java version "1.8.0_392"' >&2`);
    expect(await check(java, '-cp', 'x', main)).toMatchObject({
      outcome: 'failed',
      detail: 'Java 1.8.0_392 is too old: it cannot read its arguments from a file.',
    });
  });

  test('a Java with the importer', async () => {
    const java = await program('java', `[ "$1" = -version ] && echo 'openjdk version "11.0.21"' >&2; exit 1`);
    expect(await check(java, '-cp', 'x', main)).toEqual({
      outcome: 'passed',
      detail: "Java 11.0.21 with OMERO's importer; the session key stays out of sight.",
    });
  });

  test('another command is said to show the key; one that its wrapper does not find is said', async () => {
    expect(await check(await program('omero', 'exit 0'), 'import')).toMatchObject({ outcome: 'warning' });
    expect(await check(await program('omero', 'exec /nowhere/python'), 'import')).toMatchObject({ outcome: 'failed' });
  });

  test.skipIf(process.getuid?.() !== 0)('as root without another identity there is no import program', async () => {
    const checked = checkImportProgram({ command: ['java'], runAs: null });
    await expect(checked).rejects.toMatchObject({ code: 'IMPORT_AS_ROOT' });
  });
});

describeWithPart('Java', hasExecutable('java'), 'the import program', () => {
  test('a real Java without the jars is told from one with them', async () => {
    const folder = await temporaryFolder('jars');
    const command = ['java', '-cp', join(folder, '*'), main];
    expect(await checkImportProgram({ command, runAs: serverUser })).toMatchObject({
      outcome: 'failed',
      detail: expect.stringMatching(/^Java \d[\w.+-]* did not find OMERO's importer in .*jars/),
      remedy: expect.stringContaining('BIOMERO_BRIDGE_IMPORT_JARS'),
    });
  });
});

describe('the managed repository', () => {
  test('one that is not here is told with the path that the server names', async () => {
    expect(await checkManagedRepository('/nowhere/ManagedRepository', serverUser)).toMatchObject({
      outcome: 'failed',
      detail: 'OMERO keeps its files in /nowhere/ManagedRepository, which is not there on this machine.',
      remedy: expect.stringContaining('at the same path, /nowhere/ManagedRepository'),
    });
  });

  test('one that cannot be written', async () => {
    const folder = await temporaryFolder('repository');
    await chmod(folder, 0o555);
    expect(await checkManagedRepository(folder, serverUser)).toMatchObject({
      outcome: 'failed',
      detail: expect.stringMatching(/cannot write in/),
    });
  });

  test.skipIf(process.getuid?.() !== 0)("what counts is whose OMERO's own files are, not the folder", async () => {
    const folder = await temporaryFolder('repository');
    await chmod(folder, 0o777);
    await mkdir(join(folder, 'alice_3'));
    const check = (uid: number) => checkManagedRepository(folder, { uid, gid: uid });
    await chown(join(folder, 'alice_3'), 1234, 1234);
    expect(await check(1234)).toMatchObject({ outcome: 'passed' });
    expect(await check(4321)).toMatchObject({
      outcome: 'failed',
      detail: `Imports would run as uid 4321, but the files in ${folder} belong to uid 1234.`,
      remedy: expect.stringContaining('BIOMERO_BRIDGE_IMPORT_RUN_AS=1234:1234'),
    });
  });
});
