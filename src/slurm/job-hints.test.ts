import { appendFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { followHints, hintJobArguments } from './job-hints.ts';
import { LocalTransport } from './local.ts';
import { lastPercentage, readLogTails } from './log-tails.ts';

test('lines of the file are told as they come; what is no id is nothing, and nothing stays behind', async () => {
  const home = await temporaryFolder('hints');
  const transport = new LocalTransport({ home, env: {} });
  const told: (number | null)[] = [];
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  await writeFile(join(home, 'ended'), '5\n'.repeat(600_000));
  const done = followHints(transport, {
    path: 'ended',
    onHint: (id) => void told.push(id),
    signal: stop.signal,
    log: pino({ level: 'silent' }),
  });
  await expect.poll(() => told, { timeout: 5_000 }).toEqual([null]);
  expect((await stat(join(home, 'ended'))).size).toBe(0);
  await appendFile(join(home, 'ended'), '12\n$(id)\n-3\n\n13\n');
  await expect.poll(() => told, { timeout: 5_000 }).toEqual([null, 12, 13]);
  stop.abort();
  await done;
  const followers = async (): Promise<string> =>
    (await transport.exec(['sh', '-c', 'ps -eo args= | grep -F "tail -n 0 -F -- $1" | grep -v grep', 'sh', 'ended']))
      .stdout;
  await expect.poll(followers, { timeout: 5_000 }).toBe('');
});

test('the tiny job goes where the other one was let in', async () => {
  const home = await temporaryFolder('hints');
  const submitted = ['sbatch', '--partition=gpu', '--account=a b', '--mem=5G', '--gres=gpu:1', 'script'];
  const words = hintJobArguments(7, join(home, "it's $here"), submitted);
  expect(words).toEqual(expect.arrayContaining(['--partition=gpu', '--account=a b', '--dependency=afterany:7']));
  expect(words.join(' ')).not.toMatch(/gres|5G/);
  const wrap = words.at(-1)?.replace('--wrap=', '') ?? '';
  await new LocalTransport({ home, env: {} }).exec(['sh', '-c', wrap]);
  expect(await readFile(join(home, "it's $here"), 'utf8')).toBe('7\n');
});

test('one command reads what many logs have grown by, at most their ends', async () => {
  const home = await temporaryFolder('tails');
  const transport = new LocalTransport({ home, env: {} });
  const log = (id: number): string => join(home, `omero-${id}.log`);
  await writeFile(log(1), '1234567890');
  await writeFile(log(2), Buffer.concat([Buffer.alloc(9_000, 'x'), Buffer.from('\n99 99 99\nend')]));
  await writeFile(log(3), 'short');
  const tails = await readLogTails(
    transport,
    [1, 2, 3, 4].map((jobId) => ({ jobId, from: jobId === 3 ? 100 : 4 })),
  );
  expect(tails.map(({ jobId, size, bytes }) => [jobId, size, bytes.length, bytes.toString().slice(-6)])).toEqual([
    [1, 10, 6, '567890'],
    [2, 9013, 4096, '99\nend'],
    [3, 5, 5, 'short'],
  ]);
  expect(await readLogTails(transport, [{ jobId: 1, from: 10 }])).toEqual([]);
});

test.each([
  ['', null],
  ['no number %', null],
  ['10% 20%', '20%'],
  ['12.7% done', '12%'],
  ['|####  | 43 %', '43%'],
  ['100%\n 250%', '100%'],
])('the percentage of %j is %j', (text, percentage) => {
  expect(lastPercentage(text)).toBe(percentage);
});
