/** For tests that kill or pause an importer: `importer-main OPTIONS`, JSON of a config, a database and a name. */
import { pino } from 'pino';
import type { Config } from '../../config/config.ts';
import { openPool } from '../../lib/database.ts';
import { runImporter } from '../importer.ts';

const { config, databaseUrl, queryTimeoutMs, ...options } = JSON.parse(process.argv[2] ?? '') as {
  config: Config;
  databaseUrl: string;
  name: string;
  leaseMs: number;
  unfinishedWaitMs: number;
  graceMs: number;
  queryTimeoutMs?: number;
};
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const log = pino({ level: 'debug' }, pino.destination({ fd: 2, sync: true }));
const pool = openPool(databaseUrl, queryTimeoutMs === undefined ? {} : { queryTimeoutMs });
await runImporter({ ...options, config, databaseUrl, pool, log, signal: stop.signal });
process.exit(0);
