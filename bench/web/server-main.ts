/** The web role as a process of its own: `server-main OPTIONS`, as JSON. Prints its address; ends with its input. */
import { pino } from 'pino';
import { startWeb, type WebParts } from '../../src/http/server.ts';
import { openPool } from '../../src/lib/database.ts';
import { listen } from '../../src/lib/notify.ts';

const { databaseUrl, token, cacheFolder } = JSON.parse(process.argv[2] ?? '') as {
  databaseUrl: string;
  token: string;
  cacheFolder: string;
};
const log = pino({ level: 'warn' }, pino.destination(2));
const pool = openPool(databaseUrl, { max: 12 });
const web = await startWeb({
  config: { host: '127.0.0.1', port: 0, token, url: null, cacheFolder, trustProxy: false, shareLinks: false },
  omero: { host: '', webUrl: null },
  sources: { runs: pool, orders: pool },
  storage: { baseDir: cacheFolder, mappingFiles: [] },
  // No run has a log: nothing is asked of a cluster.
  slurm: { readLog: async () => null },
  health: async () => ({}),
  log,
} as unknown as WebParts);
listen(databaseUrl, ['bridge_runs', 'bridge_orders'], () => web.live.changed(), {
  signal: new AbortController().signal,
});
process.stdout.write(`${web.address}\n`);
process.stdin.resume().on('end', () => process.exit(0));
