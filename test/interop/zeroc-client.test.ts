import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { startTestOmero } from '../../src/embedded/omero/testing.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { OmeroSession } from '../../src/omero/session.ts';
import { zerocPython } from '../support/glacier2-router.ts';
import { describeWithPart } from '../support/optional-part.ts';

// The other way round: the stand-in must be a server that a client of ZeroC's, with a default router, can work with.
describeWithPart('Glacier2', zerocPython !== null, "ZeroC's client at the stand-in", () => {
  test('signs in, reads, saves class graphs, and gets typed errors', async () => {
    const omero = await startTestOmero();
    onTestFinished(() => omero.drop());
    const account = { user: 'alice', password: 'alice-secret', caFile: null, webUrl: null } as const;
    const server = { host: '127.0.0.1', port: omero.port, transport: 'tcp', tls: 'verify' } as const;
    const session = await OmeroSession.signIn({ ...server, ...account });
    onTestFinished(() => session.close());
    const dataset = await session.createDataset('Größe µm', '');
    const script = packageFile('test', 'interop', 'omero_client.py');
    const args = [script, '127.0.0.1', String(omero.port), 'alice', 'alice-secret', String(dataset)];
    const { stdout } = await promisify(execFile)(zerocPython ?? '', args);
    const pairs = [
      ['k', 'µ'],
      ['k', ''],
      ['another', '細胞'],
    ];
    expect(JSON.parse(stdout)).toMatchObject({
      refused: 'Password check failed',
      version: '5.6.10',
      saved: [expect.any(Number)],
      dataset: 'Größe µm',
      gone: ['ValidationException', expect.stringContaining('No row with the given identifier exists')],
      nonsense: expect.stringMatching(/Exception$/),
    });
    expect(await session.mapAnnotations('Dataset', [dataset])).toMatchObject([{ ns: 'zeroc.client', pairs }]);
  });
});
