import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type pg from 'pg';
import { packageFile } from '../../src/lib/package-root.ts';
import type { RunView } from '../../src/runs/view.ts';
import { QuickStartFolder, type Started } from '../support/quick-start.ts';

/*
 * The commands about workflows and jobs as people and scripts call them: the built program beside a running quick start,
 * into a pipe and in a terminal.
 */
const folder = new QuickStartFolder();
const main = packageFile('dist', 'src', 'main.js');
let started: Started;
let sample: RunView;
let database: pg.Client;

beforeAll(async () => {
  started = folder.start('--seed', '77');
  await folder.until(started, async () => folder.environment() !== null && started.output().includes('Ready'));
  database = await folder.connect('biomero');
  await folder.until(
    started,
    async () => (await database.query('select from bridge.runs where ended_at is not null')).rowCount,
  );
  [sample] = JSON.parse(piped('status', '--json').stdout) as [RunView];
}, 180_000);
afterAll(async () => {
  await database?.end();
  await folder.remove();
}, 180_000);

interface Answer {
  status: number | null;
  stdout: string;
  stderr: string;
}

function piped(...args: string[]): Answer {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args, '--data', folder.path], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], LANG: 'C.UTF-8' },
  });
  return { status, stdout, stderr };
}

/** What a person sees: the program's output on a pseudo-terminal, where both streams are one. */
function inTerminal(...args: string[]): string {
  const words = [process.execPath, main, ...args, '--data', folder.path].map((word) => `'${word}'`).join(' ');
  const { stdout } = spawnSync('script', ['-qec', words, '/dev/null'], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], LANG: 'C.UTF-8', TERM: 'xterm', SHELL: '/bin/sh' },
  });
  return stdout.replaceAll('\r\n', '\n');
}

const asResearcher = (): string[] => ['--dataset', String(sample.input?.id), '--user', 'researcher', '--group', 'demo'];
const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

async function ended(id: string): Promise<RunView> {
  await folder.until(
    started,
    async () => (await database.query('select from bridge.runs where id = $1 and ended_at is not null', [id])).rowCount,
  );
  return JSON.parse(piped('status', id, '--json').stdout) as RunView;
}

test('workflows list: a table, the same in a terminal, and JSON', () => {
  const { status, stdout, stderr } = piped('workflows', 'list');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const [head, row, ...rest] = stdout.split('\n');
  expect(head).toMatch(/^WORKFLOW {2}VERSION$/);
  expect(row).toMatch(/^nuclei {4}\S+ +\S/);
  expect(rest).toEqual(['']);
  expect(inTerminal('workflows', 'list')).toBe(stdout);
  expect(JSON.parse(piped('workflows', 'list', '--json').stdout)).toEqual([
    { name: 'nuclei', version: expect.any(String), description: expect.any(String), problem: null },
  ]);
});

test('workflows show: parameters with type and default; an unknown name is told with the known ones', () => {
  const { status, stdout, stderr } = piped('workflows', 'show', 'nuclei');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^Workflow {4}nuclei \S+$/m);
  expect(stdout).toMatch(/^Job script {2}slurm-scripts\/jobs\/nuclei\.sh$/m);
  expect(stdout).toMatch(/^PARAMETER +TYPE +DEFAULT$/m);
  expect(inTerminal('workflows', 'show', 'nuclei')).toBe(stdout);
  const shown = JSON.parse(piped('workflows', 'show', 'nuclei', '--json').stdout);
  expect(shown).toMatchObject({ name: 'nuclei', job: 'jobs/nuclei.sh' });
  for (const parameter of shown.descriptor.parameters) expect(stdout).toContain(`\n${parameter.id} `);

  const unknown = piped('workflows', 'show', 'constructor');
  expect(unknown).toMatchObject({ status: 1, stdout: '' });
  expect(unknown.stderr).toMatch(/WORKFLOW_UNKNOWN: .*known here: nuclei/);
});

test('workflows run: the id alone into a pipe, and how to follow it in a terminal; wrong values start nothing', async () => {
  const before = (JSON.parse(piped('status', '--json').stdout) as RunView[]).length;
  const [parameter] = JSON.parse(piped('workflows', 'show', 'nuclei', '--json').stdout).descriptor.parameters;
  for (const [words, message] of [
    [['--parameter', 'nonsense=1'], /PARAMETER_INVALID: .*nonsense/],
    [['--parameter', `${parameter.id}=wide`], new RegExp(`PARAMETER_INVALID: .*${parameter.id}`)],
    [['--parameter', 'no equals sign'], /PARAMETER_INVALID: .*name=value/],
  ] as const) {
    const { status, stdout, stderr } = piped('workflows', 'run', 'nuclei', ...asResearcher(), ...words);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(message);
  }
  expect(JSON.parse(piped('status', '--json').stdout)).toHaveLength(before);

  const { status, stdout, stderr } = piped('workflows', 'run', 'nuclei', ...asResearcher());
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(new RegExp(`^${uuid}\n$`));
  expect(await ended(stdout.trim())).toMatchObject({ state: 'done', imagesFound: 4 });
  expect(inTerminal('run', 'nuclei', ...asResearcher())).toMatch(
    new RegExp(`^(${uuid})\nFollow it with: biomero-bridge status [0-9a-f]{8}\n$`),
  );
}, 120_000);

test('import JOB: a job that somebody else has run comes home, once', async () => {
  const home = join(folder.path, 'cluster', 'home');
  const workflow = randomUUID();
  const data = join(home, 'my-scratch', 'data', `theirs_${workflow}`);
  const image = join(folder.path, 'storage', 'demo', `sample-${sample.id.slice(0, 8)}`, 'nuclei_01.ome.tif');
  writeFileSync(
    join(home, 'slurm-scripts', 'jobs', 'theirs.sh'),
    `#!/bin/bash\nmkdir -p "$DATA_PATH/data/out"\ncp '${image}' "$DATA_PATH/data/out/"\necho "Running theirs Job w/ images | image.sif | $DATA_PATH | scripts |"\n`,
    { mode: 0o755 },
  );
  const job = execFileSync(
    join(folder.path, 'cluster', 'bin', 'sbatch'),
    ['--parsable', '--output=omero-%j.log', 'slurm-scripts/jobs/theirs.sh'],
    { cwd: home, encoding: 'utf8', env: { PATH: process.env['PATH'], DATA_PATH: data } },
  ).trim();
  const person = ['--user', 'researcher', '--group', 'demo'];
  expect(piped('import', 'abc', ...person)).toMatchObject({
    status: 64,
    stdout: '',
    stderr: expect.stringContaining("'abc' is invalid"),
  });
  expect(piped('import', job)).toMatchObject({ status: 1, stderr: expect.stringMatching(/JOB_OWNER_UNKNOWN|JOB_LOG/) });
  expect(piped('import', '987654', ...person)).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('JOB_UNKNOWN_HERE'),
  });
  expect(piped('import', job, ...person, '--workflow', randomUUID()).stderr).toMatch(/JOB_WORKFLOW_UNCLEAR|JOB_LOG/);

  const brought = await folder.until(started, async () => {
    const answer = piped('import', job, ...person);
    // The job may not have begun yet.
    if (!answer.stderr.includes('JOB_LOG_MISSING')) return answer;
    await new Promise((resolve) => setTimeout(resolve, 300));
    return null;
  });
  expect(brought).toEqual({ status: 0, stdout: `${workflow}\n`, stderr: '' });
  expect(await ended(workflow)).toMatchObject({ state: 'done', jobId: Number(job), imagesFound: 1 });
  const again = inTerminal('import', job, ...person);
  expect(again).toMatch(new RegExp(`JOB_ALREADY_OURS: Job ${job} .* run ${workflow}`));
}, 120_000);

test('doctor finds the quick start sound, into a pipe and in a terminal, and a trial order gets through', () => {
  const piece = piped('doctor', '--smoke', '--probe');
  expect(piece, piece.stdout).toMatchObject({ status: 0, stderr: '' });
  const words = piece.stdout.replace(/\s+/g, ' ');
  expect(words).toContain('✓ an order from end to end imported and annotated for researcher in demo');
  expect(words).toMatch(/✓ same storage for all roles worker\+importer\+web on \S+ \S+ with a file that was written/);
  expect(piece.stdout).not.toContain('\u001b');
  expect(piece.stdout).not.toContain('✗');

  const { exitCode, checks } = JSON.parse(piped('doctor', '--role', 'worker', '--json').stdout) as {
    exitCode: number;
    checks: { id: string; outcome: string }[];
  };
  expect(exitCode).toBe(0);
  expect(checks.filter((c) => c.outcome !== 'ok').map((c) => `${c.id} ${c.outcome}`)).toEqual([
    'scripts skipped',
    'partitions skipped',
    'smoke skipped',
  ]);
  expect(inTerminal('doctor', '--role', 'web')).toContain('✓ running roles');
  expect(piped('doctor', '--user', 'researcher')).toMatchObject({
    status: 64,
    stderr: expect.stringContaining('--user and --group are given together'),
  });
}, 180_000);
