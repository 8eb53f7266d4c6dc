/** Results over a slow connection of real OpenSSH: whether zstd is chosen by itself, and what then goes over it. */
import { randomBytes } from 'node:crypto';
import { truncate } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { describeWithPart, hasExecutable } from '../../test/support/optional-part.ts';
import { makeResults, type Results } from '../../test/support/results.ts';
import { sshIsInstalled, startSshServer } from '../../test/support/ssh-server.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { SshTransport } from '../slurm/ssh.ts';
import { hashFile } from './hash-files.ts';
import { transferResults } from './transfer.ts';
import { defaultLimits } from './unpack.ts';

const bytesPerSecond = 20e6;
const maskBytes = 80 * 2 ** 20;

/** A cluster behind a line that brings so many bytes per second and no more; `brought` counts them. */
async function slowCluster(results: Results): Promise<{ configFile: string; brought: () => number }> {
  const server = await startSshServer({ home: results.home });
  onTestFinished(() => server.stop());
  let bytes = 0;
  const line = createServer((near) => {
    const far = connect(server.port, '127.0.0.1');
    near.on('error', () => far.destroy());
    near.pipe(far);
    const bring = async (): Promise<void> => {
      for await (const chunk of far as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        near.write(chunk);
        await sleep((chunk.length / bytesPerSecond) * 1000);
      }
      near.end();
    };
    void bring().catch(() => near.destroy());
  });
  await new Promise<void>((resolve) => line.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void line.close());
  const { port } = line.address() as AddressInfo;
  return { configFile: await server.configFile({ port }), brought: () => bytes };
}

describeWithPart('OpenSSH', sshIsInstalled && hasExecutable('zstd'), 'a slow connection', () => {
  test.each([
    ['auto', 0, 12e6],
    ['off', maskBytes, 2 * maskBytes],
  ] as const)('with compression %s brings between %i and %i bytes', async (compress, least, most) => {
    const results = await makeResults({ 'mask.tif': Buffer.alloc(1), 'sub/image.tif': randomBytes(3_000_000) });
    await truncate(join(results.out, 'mask.tif'), maskBytes);
    const { configFile, brought } = await slowCluster(results);
    const said: string[] = [];
    const log = pino({}, { write: (line) => void said.push(line) });
    const transport = new SshTransport({ host: 'cluster', log, configFile });
    onTestFinished(() => transport.close());
    const staging = await temporaryFolder('staging');
    const files = await transferResults({
      transport,
      dataPath: 'job',
      jobId: 12,
      staging,
      settings: { way: 'stream', compress, checksums: 'sha256', zipCommand: '', limits: defaultLimits },
      graceMs: 0,
      signal: new AbortController().signal,
      log,
    });
    expect(said.some((line) => line.includes('come through zstd'))).toBe(compress === 'auto');
    expect(brought()).toBeGreaterThan(least);
    expect(brought()).toBeLessThan(most);
    for (const name of ['mask.tif', 'sub/image.tif']) {
      const { sha256 } = await hashFile(join(results.out, name));
      expect(files.find(({ path }) => path === `12_out/data/out/${name}`)?.sha256).toBe(sha256);
      expect((await hashFile(join(staging, '12_out/data/out', name))).sha256).toBe(sha256);
    }
  });
});
