import { createServer } from 'node:http';
import type { Logger } from 'pino';
import { bridgeError, describeError } from '../domain/errors.ts';
import type { Metrics } from './metrics.ts';

export interface MetricsServer {
  /** `http://127.0.0.1:9464`, without a trailing slash. */
  address: string;
  close(): Promise<void>;
}

/**
 * Serves `/metrics` for Prometheus and `/healthz` for a supervisor, on a port of their own that is not meant for people:
 * figures hold names of no one, but nobody has to sign in either.
 *
 * @throws PORT_TAKEN
 */
export async function startMetrics(o: {
  host: string;
  port: number;
  metrics: Metrics;
  health(): Promise<Record<string, string>>;
  log: Logger;
}): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
    };
    const path = (request.url ?? '').split('?')[0];
    if (request.method !== 'GET') answer(405, 'text/plain', 'GET only\n');
    else if (path === '/metrics')
      o.metrics.registry.metrics().then(
        (text) => answer(200, o.metrics.registry.contentType, text),
        (error: unknown) => {
          o.log.warn({ error: describeError(error) }, 'metrics could not be read');
          answer(503, 'text/plain', 'the figures cannot be read: the database does not answer\n');
        },
      );
    else if (path === '/healthz')
      void o.health().then((checks) => {
        const ok = Object.values(checks).every((v) => v === 'ok');
        answer(ok ? 200 : 503, 'application/json', JSON.stringify({ status: ok ? 'ok' : 'failing', checks }));
      });
    else answer(404, 'text/plain', 'there are /metrics and /healthz\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(bridgeError('PORT_TAKEN', { host: o.host, port: o.port }, { cause })));
    server.listen(o.port, o.host, resolve);
  });
  const bound = server.address();
  const port = bound && typeof bound === 'object' ? bound.port : o.port;
  return {
    address: `http://${o.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
