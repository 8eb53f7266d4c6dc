import { pino } from 'pino';
import { startPostgres } from '../manager.ts';

/** Starts the server of a folder as `start` would, says where it is, and waits to be killed. */
const [dataDir = '', uid = '', gid = ''] = process.argv.slice(2);
const postgres = await startPostgres({
  dataDir,
  runAs: uid ? { uid: Number(uid), gid: Number(gid) } : null,
  log: pino({ level: 'silent' }),
  unsafeFast: true,
});
process.stdout.write(`${JSON.stringify({ url: postgres.url('postgres'), pid: postgres.identity.pid })}\n`);
setInterval(() => undefined, 60_000);
