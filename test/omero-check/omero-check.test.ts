import { chmod, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Config, OmeroConfig } from '../../src/config/config.ts';
import {
  importUser,
  bridgeAccount,
  startTestOmero,
  TestClient,
  type TestOmero,
} from '../../src/embedded/omero/testing.ts';
import type { IceObject } from '../../src/omero/ice/values.ts';
import type { CheckResult } from '../../src/omero/check/check.ts';
import { checks, runChecks } from '../../src/omero/check/run-checks.ts';
import { glacier2router, startGlacier2 } from '../support/glacier2-router.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { serveBehindRouter } from '../support/standin-behind-router.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let omero: TestOmero;
beforeAll(async () => {
  omero = await startTestOmero();
});
afterAll(() => omero?.drop());

type CheckConfig = Pick<Config, 'omero' | 'importer' | 'storage'>;

async function site(): Promise<{ config: CheckConfig; storage: string; logs: string }> {
  const storage = await temporaryFolder('storage');
  const logs = await temporaryFolder('logs');
  await chmod(storage, 0o755);
  const config: CheckConfig = {
    storage: { baseDir: storage, mappingFiles: [] },
    omero: {
      ...bridgeAccount(omero),
      reconnectSeconds: 1,
    },
    importer: {
      maxWorkers: 1,
      strictFolders: false,
      stallSeconds: 600,
      shutdownSeconds: 5,
      parallelUpload: null,
      parallelFilesets: null,
      skip: ['all'],
      annotationNamespace: 'biomero.import',
      registerZarr: true,
      containers: null,
      logDir: logs,
      command: omero.importCommand,
      memory: '256m',
      runAs: importUser,
    },
  };
  return { config, storage, logs };
}

/** Everything in OMERO that a check could leave. */
async function objectsOfAlice(): Promise<unknown> {
  const client = await TestClient.named(omero.port, 'alice', 'annotate');
  try {
    const counts: Record<string, number> = {};
    for (const type of ['Dataset', 'Image', 'Fileset', 'MapAnnotation', 'FileAnnotation'])
      counts[type] = (await client.rows(`select o.id from ${type} o`)).length;
    return counts;
  } finally {
    client.close();
  }
}

const run = (config: CheckConfig, more: Partial<Parameters<typeof runChecks>[0]> = {}) =>
  runChecks({
    config,
    actAs: { user: 'alice', group: 'annotate' },
    signal: new AbortController().signal,
    settleMs: 500,
    ...more,
  });

const outcomes = (results: readonly CheckResult[]): Record<string, string> =>
  Object.fromEntries(results.map((r) => [r.id, r.outcome]));

/** `omero import`, which shows the session key, is used without complaint but with a warning. */
const allPassed = {
  ...Object.fromEntries(checks.map((c) => [c.id, 'passed'])),
  'import-program': 'warning',
  cleanup: 'passed',
};

describe('the check of an OMERO', () => {
  test('passes against the stand-in, and leaves nothing', async () => {
    const { config, storage, logs } = await site();
    const before = await objectsOfAlice();
    const report = await run(config);
    expect(outcomes(report.results), JSON.stringify(report.results, null, 1)).toEqual(allPassed);
    expect(report).toMatchObject({ passed: true, interrupted: false, left: [] });
    expect(await objectsOfAlice()).toEqual(before);
    expect(await readdir(storage)).toEqual([]);
    expect(await readdir(logs)).toEqual([]);
  });
});

/** A `java` that runs the stand-in's importer with what its file of arguments names after the main class. */
async function javaOfStandIn(): Promise<string> {
  const folder = await temporaryFolder('java');
  await chmod(folder, 0o755);
  const java = join(folder, 'java');
  const [importer] = omero.importCommand;
  const script = `#!${process.execPath}
const { readFileSync } = require('node:fs');
const { spawnSync } = require('node:child_process');
const [first = ''] = process.argv.slice(2);
if (first === '-version') console.error('openjdk version "17.0.1"');
if (!first.startsWith('@')) process.exit(0);
const args = readFileSync(first.slice(1), 'utf8').trim().split('\\n').map((line) => JSON.parse(line));
const main = args.indexOf('ome.formats.importer.cli.CommandLineImporter');
const { status } = spawnSync('${importer}', ['import', ...args.slice(main + 1)], { stdio: 'inherit' });
process.exit(status ?? 1);
`;
  await writeFile(java, script);
  await chmod(java, 0o755);
  return java;
}

test('passes with an import by Java, without a warning', async () => {
  const { config } = await site();
  const command = [await javaOfStandIn(), '-cp', '/nowhere/*', 'ome.formats.importer.cli.CommandLineImporter'];
  const report = await run({ ...config, importer: { ...config.importer, command, skip: ['checksum', 'upgrade'] } });
  expect(outcomes(report.results), JSON.stringify(report.results, null, 1)).toEqual({
    ...allPassed,
    'import-program': 'passed',
  });
  expect(report.passed).toBe(true);
});

describe('what is wrong is said, and nothing is left', () => {
  const resultOf = (results: readonly CheckResult[], id: string): CheckResult | undefined =>
    results.find((r) => r.id === id);

  test('a wrong password: what needs no OMERO is still tried', async () => {
    const { config } = await site();
    const report = await run({ ...config, omero: { ...config.omero, password: 'wrong' } });
    expect(report.passed).toBe(false);
    expect(resultOf(report.results, 'sign-in')).toMatchObject({
      outcome: 'failed',
      code: 'OMERO_SIGN_IN_REFUSED',
      remedy: 'Check OMERO_USER and OMERO_PASSWORD.',
    });
    expect(resultOf(report.results, 'import-program')?.outcome).toBe('warning');
    expect(resultOf(report.results, 'annotations')).toMatchObject({ outcome: 'skipped', detail: 'needs "Sign in"' });
    expect(JSON.stringify(report)).not.toContain('wrong');
  });

  test('without somebody to act as, nobody is touched', async () => {
    const { config } = await site();
    const report = await run(config, { actAs: null });
    expect(report.passed).toBe(true);
    expect(outcomes(report.results)).toMatchObject({ queries: 'passed', acting: 'skipped', import: 'skipped' });
    expect(resultOf(report.results, 'import')?.detail).toBe('say with --user and --group as whom');
  });

  test('a user who is not in the group, and an account without privileges', async () => {
    const { config } = await site();
    const stranger = await run(config, { actAs: { user: 'carol', group: 'annotate' } });
    expect(resultOf(stranger.results, 'acting')?.code).toBe('OMERO_NOT_IN_GROUP');
    const account = { ...config.omero, user: 'bob', password: 'bob-secret' };
    const report = await run({ ...config, omero: account });
    expect(resultOf(report.results, 'privileges')).toMatchObject({
      outcome: 'failed',
      remedy: 'Make bob an administrator who is restricted to the privilege "Sudo".',
    });
    expect(resultOf(report.results, 'acting')?.outcome).toBe('failed');
  });

  test('an import program that imports nothing: its log stays, the rest goes', async () => {
    const { config, storage, logs } = await site();
    const folder = await temporaryFolder('program');
    await chmod(folder, 0o755);
    const program = join(folder, 'omero');
    await writeFile(program, '#!/bin/sh\necho "no route to the moon" >&2\nexit 44\n');
    await chmod(program, 0o755);
    const before = await objectsOfAlice();
    const report = await run({ ...config, importer: { ...config.importer, command: [program, 'import'] } });
    expect(resultOf(report.results, 'import')).toMatchObject({
      outcome: 'failed',
      detail:
        'No image in OMERO. The importer ended with exit code 44 (no connection to OMERO, or the sign-in was refused). Its last words: no route to the moon',
    });
    expect(resultOf(report.results, 'annotations')?.detail).toBe('needs "Import in place"');
    expect(report.left).toEqual([]);
    expect(await objectsOfAlice()).toEqual(before);
    expect(await readdir(storage)).toEqual([]);
    expect(await readdir(logs)).toHaveLength(1);
  });

  test('an interruption in the middle of an import', async () => {
    const { config, storage } = await site();
    const before = await objectsOfAlice();
    const stop = new AbortController();
    const report = await run(config, {
      signal: stop.signal,
      onStart: (check) => {
        if (check.id === 'closed-session') setTimeout(() => stop.abort(new Error('interrupted')), 250);
      },
    });
    expect(report).toMatchObject({ passed: false, interrupted: true, left: [] });
    expect(outcomes(report.results)).toMatchObject({
      import: 'passed',
      'closed-session': 'skipped',
      cleanup: 'passed',
    });
    expect(await objectsOfAlice()).toEqual(before);
    expect(await readdir(storage)).toEqual([]);
  });

  test('a session that ends in the middle: what was made goes all the same', async () => {
    const { config, storage } = await site();
    const before = await objectsOfAlice();
    const report = await run(config, {
      onStart: async (check) => {
        if (check.id !== 'import') return;
        const client = await TestClient.named(omero.port, 'alice', 'annotate');
        const open = (await client.call('ISession', 'getMyOpenSessions', [])) as IceObject[];
        for (const session of open) await client.call('ISession', 'closeSession', [session]).catch(() => undefined);
        client.close();
      },
    });
    expect(report).toMatchObject({ passed: false, left: [] });
    expect(outcomes(report.results)).toMatchObject({ dataset: 'passed', import: 'failed', cleanup: 'passed' });
    expect(await objectsOfAlice()).toEqual(before);
    expect(await readdir(storage)).toEqual([]);
  });

  test('a server that does not remove what was made: it is named', async () => {
    const own = await startTestOmero();
    onTestFinished(async () => {
      await own.database.drop();
      await rm(own.directory, { recursive: true, force: true });
    });
    const { config } = await site();
    const report = await run(
      {
        ...config,
        omero: { ...config.omero, port: own.port },
        importer: { ...config.importer, command: own.importCommand },
      },
      {
        onStart: (check) => {
          if (check.id === 'annotations') void own.close();
        },
      },
    );
    expect(report.passed).toBe(false);
    expect(report.left).toEqual([
      expect.stringMatching(/^the imported images: /),
      expect.stringMatching(/^dataset \d+: /),
    ]);
    expect(resultOf(report.results, 'cleanup')?.remedy).toContain('by hand');
  });
});

describeWithPart('Glacier2', glacier2router !== null, 'the check of an OMERO behind a real router', () => {
  test.each(['plain', 'certificate', 'anonymous'] as const)('passes, and leaves nothing: %s', async (tls) => {
    const backPort = await serveBehindRouter(omero.dispatch);
    const router = await startGlacier2({ backPort, encoding: '1.0', ssl: tls === 'plain' ? undefined : tls });
    const { config } = await site();
    const through: OmeroConfig = {
      ...config.omero,
      port: router.port,
      transport: tls === 'plain' ? 'tcp' : 'ssl',
      tls: tls === 'anonymous' ? 'anonymous' : 'self-signed',
    };
    const before = await objectsOfAlice();
    const report = await run({ ...config, omero: through });
    expect(outcomes(report.results), JSON.stringify(report.results, null, 1)).toEqual(allPassed);
    expect(report).toMatchObject({ passed: true, left: [] });
    expect(await objectsOfAlice()).toEqual(before);
  });
});
