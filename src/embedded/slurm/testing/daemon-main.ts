/** A daemon in a process of its own, for tests that kill it: `daemon-main FOLDER`. */
import { pino } from 'pino';
import { startSlurm } from '../slurm.ts';

const directory = process.argv[2] ?? '';
const slurm = await startSlurm({ directory, log: pino({ level: 'silent' }), runAs: null, cpus: 2, killWaitMs: 500 });
process.on('SIGTERM', () => void slurm.close().then(() => process.exit(0)));
process.stdout.write('up\n');
