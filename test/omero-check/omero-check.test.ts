import { chmod, readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Config, OmeroConfig } from '../../src/config/config.ts';
import { importUser, startTestOmero, TestClient, type TestOmero } from '../../src/embedded/omero/testing.ts';
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
      host: '127.0.0.1',
      port: omero.port,
      user: 'bridge',
      password: 'bridge-secret',
      transport: 'tcp',
      tls: 'verify',
      caFile: null,
      webUrl: null,
    },
    importer: {
      maxWorkers: 1,
      parallelUpload: null,
      parallelFilesets: null,
      skip: ['all'],
      annotationNamespace: 'biomero.import',
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
