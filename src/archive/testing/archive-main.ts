/** Archives what its argument says; a test kills it in the middle. */
import { pino } from 'pino';
import { LocalTransport } from '../../slurm/local.ts';
import { archiveResults, type ArchiveOptions } from '../archive.ts';

const { home, ...given } = JSON.parse(process.argv[2] ?? '{}') as ArchiveOptions & { home: string };
await archiveResults({
  ...given,
  jobLog: null,
  provenance: { ...given.provenance, startedAt: new Date(given.provenance.startedAt), endedAt: null },
  transport: new LocalTransport({ home, env: {} }),
  signal: new AbortController().signal,
  log: pino({ level: 'silent' }),
});
