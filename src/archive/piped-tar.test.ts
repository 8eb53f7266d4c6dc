import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { describeWithPart } from '../../test/support/optional-part.ts';
import { archiveOptions, makeResults } from '../../test/support/results.ts';
import { sshIsInstalled, startSshServer } from '../../test/support/ssh-server.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { ownProgram } from '../lib/package-root.ts';
import { SshTransport } from '../slurm/ssh.ts';
import { hashFile } from './hash-files.ts';
import { PipedTar } from './piped-tar.ts';
import { TarError } from './tar-reader.ts';
import { transferResults } from './transfer.ts';

/** Where this test's pipes are made, and their folders there. */
async function placeForPipes(): Promise<{ place: string; pipes: () => string[] }> {
  const [place, before] = [await temporaryFolder('pipes'), process.env['TMPDIR']];
  process.env['TMPDIR'] = place;
  onTestFinished(() => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  });
  return { place, pipes: () => readdirSync(place).filter((name) => name.startsWith('bb-pipe-')) };
}

test('a stream that is given up while it is waited for ends at once, and takes its pipe away', async () => {
  const { place, pipes } = await placeForPipes();
  const tar = await PipedTar.open();
  // Somebody holds the other end and writes nothing, as a shared connection that is cut off does.
  const [name = ''] = pipes();
  const held = openSync(join(place, name, 'tar'), 'w');
  onTestFinished(() => closeSync(held));
  tar.handedOver();
  const next = tar.next();
  await expect.poll(() => tar.state.waits).toBe(true);
  await sleep(100);
  tar.stop();
  await expect(next).rejects.toThrow(TarError);
  await expect(next).rejects.toThrow('the stream was given up');
  await tar.close();
  expect(pipes()).toEqual([]);
  expect(() => writeSync(held, 'x')).toThrow('EPIPE');
});

test('a command that ends without a word ends the stream', async () => {
  const tar = await PipedTar.open();
  onTestFinished(() => tar.close());
  const child = spawn('true', { stdio: ['ignore', tar.descriptor, 'ignore'] });
  tar.handedOver();
  await once(child, 'exit');
  await expect(tar.next()).rejects.toThrow('the stream ended after 0 entries without an end mark');
});

test('where no named pipe can be made results come as well, and nothing is left', async () => {
  const { place, pipes } = await placeForPipes();
  const { PATH } = process.env;
  onTestFinished(() => void (process.env['PATH'] = PATH));
  process.env['PATH'] = '/nowhere';
  await expect(PipedTar.open()).rejects.toMatchObject({ code: 'ENOENT' });
  expect(pipes()).toEqual([]);
  process.env['PATH'] = PATH;
  const results = await makeResults({ 'a.tif': 'x' });
  process.env['TMPDIR'] = join(place, 'gone');
  const staging = join(place, 'staging');
  await mkdir(staging);
  const files = await transferResults({ ...archiveOptions(results), staging, ownThread: true });
  expect(files.map(({ path }) => path)).toEqual(['12_out/data/out/a.tif', '12_out.zip']);
});

test('a process that ends need not wait for the stream', async () => {
  const [node = '', ...args] = ownProgram('src/archive/testing/piped-tar-main');
  const child = spawn(node, args, { stdio: 'inherit', timeout: 20_000 });
  expect(await once(child, 'exit')).toEqual([7, null]);
});

describeWithPart('OpenSSH', sshIsInstalled, 'over a shared connection', () => {
  test('results come, and a worker that stops in the middle need not wait for the cluster', async () => {
    const { pipes } = await placeForPipes();
    const results = await makeResults({ 'a.tif': randomBytes(3_000_000), 'b.csv': 'a,b\n', empty: '' });
    const server = await startSshServer({ home: results.home });
    onTestFinished(() => server.stop());
    const log = pino({ level: 'silent' });
    const transport = new SshTransport({ host: 'cluster', log, configFile: await server.configFile() });
    onTestFinished(() => transport.close());
    const options = { ...archiveOptions(results), transport, ownThread: true };
    const staging = await temporaryFolder('staging');
    const files = await transferResults({ ...options, staging });
    expect(files.map(({ path, bytes }) => [path, bytes]).slice(0, -1)).toEqual([
      ['12_out/data/out/a.tif', 3_000_000],
      ['12_out/data/out/b.csv', 4],
      ['12_out/data/out/empty', 0],
    ]);
    for (const { path, sha256 } of files) expect((await hashFile(join(staging, path))).sha256).toBe(sha256);

    const stop = new AbortController();
    // It comes to a standstill with half a file.
    const halting: typeof transport.stream = (argv, more) =>
      transport.stream(
        argv[0] === 'tar' ? ['sh', '-c', '"$@" | (head -c 1000000; sleep 60)', 'sh', ...argv] : argv,
        more,
      );
    const half = transferResults({
      ...options,
      transport: {
        kind: 'ssh',
        name: 'cluster',
        exec: transport.exec.bind(transport),
        stream: halting,
        close: async () => {},
      },
      staging: await temporaryFolder('staging'),
      signal: stop.signal,
    });
    setTimeout(() => stop.abort(new Error('stopping')), 1_500);
    await expect(half).rejects.toThrow('stopping');
    expect(pipes()).toEqual([]);
    // The connection is as good as before.
    expect((await transport.exec(['echo', 'there'])).stdout).toBe('there\n');
  });
});
