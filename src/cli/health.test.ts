import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { ownProgram } from '../lib/package-root.ts';
import { Metrics } from '../metrics/metrics.ts';
import { startMetrics, type MetricsServer } from '../metrics/metrics-server.ts';

const open: MetricsServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

interface End {
  code: number;
  stdout: string;
  stderr: string;
}

function health(env: Record<string, string>): Promise<End> {
  const [node = '', ...args] = ownProgram('src/main');
  const clean = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env };
  return new Promise((resolve) => {
    execFile(node, [...args, 'health'], { env: clean }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

async function serving(state: string): Promise<number> {
  const server = await startMetrics({
    host: '127.0.0.1',
    port: 0,
    metrics: new Metrics({ runs: null, orders: null }),
    health: async () => ({ database: state }),
    log: pino({ level: 'silent' }),
  });
  open.push(server);
  return Number(new URL(server.address).port);
}

test('a role that is well ends it with 0', async () => {
  const port = await serving('ok');
  const end = await health({ BIOMERO_BRIDGE_METRICS_PORT: String(port), BIOMERO_BRIDGE_METRICS_HOST: '0.0.0.0' });
  expect(end).toEqual({ code: 0, stdout: '{"status":"ok","checks":{"database":"ok"}}\n', stderr: '' });
});

test('a role whose database is away ends it with 1, and says what is away', async () => {
  const port = await serving('does not answer');
  const end = await health({ BIOMERO_BRIDGE_METRICS_PORT: String(port) });
  expect(end.code).toBe(1);
  expect(end.stdout).toContain('"database":"does not answer"');
});

test('a role that has ended, or serves nothing, is told', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const gone = await health({ BIOMERO_BRIDGE_METRICS_PORT: String(port) });
  expect([gone.code, gone.stdout]).toEqual([1, '']);
  expect(gone.stderr).toContain(`HEALTH_NO_ANSWER: Nothing answers at http://127.0.0.1:${port}/healthz`);
  const off = await health({});
  expect(off.code).toBe(1);
  expect(off.stderr).toContain('BIOMERO_BRIDGE_METRICS_PORT');
});
