/** A worker with nothing to do, as a process of its own: `idle-main OPTIONS`, as JSON. Prints its processor time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { startApp } from '../../src/app.ts';
import type { Config } from '../../src/config/config.ts';
import { cpuSeconds } from './cluster.ts';

const { config, seconds } = JSON.parse(process.argv[2] ?? '') as { config: Config; seconds: number };
const app = await startApp({ config, roles: ['worker'], log: pino({ level: 'silent' }) });
// Compiling and connecting are no idling.
await sleep(5_000);
const before = cpuSeconds();
await sleep(seconds * 1000);
const cpu = cpuSeconds() - before;
await app.close();
process.stdout.write(JSON.stringify({ cpu }));
