import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import type { ArchiveOptions } from '../../src/archive/archive.ts';
import { LocalTransport } from '../../src/slurm/local.ts';
import type { CommandStream, ExecOptions, Transport } from '../../src/slurm/transport.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface Results {
  /** The cluster account's home. */
  home: string;
  /** `<home>/job/data/out` */
  out: string;
  /** A group folder. */
  group: string;
  transport: Transport;
}

/** A job's results on a cluster that is this machine. Paths are relative to `data/out`; null makes a folder. */
export async function makeResults(files: Record<string, string | Buffer | null>): Promise<Results> {
  const root = await temporaryFolder('results');
  const [home, group] = [join(root, 'home'), join(root, 'storage', 'team')];
  const out = join(home, 'job', 'data', 'out');
  for (const folder of [out, group]) await mkdir(folder, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    const file = join(out, path);
    await mkdir(content === null ? file : dirname(file), { recursive: true });
    if (content !== null) await writeFile(file, content);
  }
  return { home, out, group, transport: new LocalTransport({ home, env: {} }) };
}

/** The same cluster, but its `tar` is another command: what a broken, malicious or busy far side sends. */
export function withTar(results: Results, replace: (argv: string[]) => string[]): Transport {
  return withStream(results, (argv) => (argv[0] === 'tar' ? replace(argv) : null));
}

/** The same cluster, but what it streams are other commands; null: the command as it is. */
export function withStream(results: Results, replace: (argv: string[]) => string[] | null): Transport {
  const { transport } = results;
  return {
    kind: transport.kind,
    name: transport.name,
    exec: (argv, options) => transport.exec(argv, options),
    stream: (argv: string[], options?: ExecOptions): CommandStream => transport.stream(replace(argv) ?? argv, options),
    close: () => transport.close(),
  };
}

/** Options that archive these results; ids are new with every call. */
export function archiveOptions(results: Results, change: Partial<ArchiveOptions> = {}): ArchiveOptions {
  const [workflowId, taskId] = [randomUUID(), randomUUID()];
  return {
    transport: results.transport,
    dataPath: 'job',
    jobId: 12,
    basePath: results.group,
    workflowId,
    taskId,
    stamp: '20250102_030405',
    jobLog: Buffer.from('Running nuclei\n'),
    metadata: [
      ['Job_ID', '12'],
      ['Workflow_Name', 'nuclei, "the" first'],
    ],
    provenance: {
      workflowId,
      taskId,
      workflow: 'nuclei',
      workflowVersion: '1.0.0',
      parameters: { threshold: 'otsu', sigma: 1.5, split: true },
      jobId: 12,
      user: 'ada',
      group: 'team',
      input: { type: 'Dataset', id: 5, name: 'Cells' },
      startedAt: new Date('2025-01-02T01:00:00Z'),
      endedAt: new Date('2025-01-02T02:00:00Z'),
    },
    graceMs: 0,
    signal: new AbortController().signal,
    log: pino({ level: 'silent' }),
    ...change,
  };
}
