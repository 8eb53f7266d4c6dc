/** A daemon in a process of its own, for tests that kill it: `daemon-main FOLDER`. */
import { pino } from 'pino';
import { startSlurm } from '../slurm.ts';

await startSlurm({ directory: process.argv[2] ?? '', log: pino({ level: 'silent' }), runAs: null, cpus: 2 });
process.stdout.write('up\n');
