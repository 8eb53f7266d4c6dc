// Brings a job's results home with the built product, from the folder on the cluster to the verified archive.
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { archiveResults } from '../../dist/src/archive/archive.js';
import { SshTransport } from '../../dist/src/slurm/ssh.js';

const [configFile, basePath] = process.argv.slice(2);
const log = pino({ level: 'silent' });
const transport = new SshTransport({ host: 'cluster', configFile, log });
const [workflowId, taskId] = [randomUUID(), randomUUID()];
const started = performance.now();
await archiveResults({
  transport,
  dataPath: 'job',
  jobId: 1,
  basePath,
  workflowId,
  taskId,
  stamp: '20260102_030405',
  jobLog: null,
  metadata: [['Job_ID', '1']],
  provenance: {
    workflowId,
    taskId,
    workflow: 'bench',
    workflowVersion: '1',
    parameters: {},
    jobId: 1,
    user: 'bench',
    group: 'bench',
    input: null,
    startedAt: new Date(),
    endedAt: new Date(),
  },
  signal: new AbortController().signal,
  log,
});
const seconds = (performance.now() - started) / 1000;
await transport.close();
process.stdout.write(JSON.stringify({ seconds, peakBytes: process.resourceUsage().maxRSS * 1024 }));
