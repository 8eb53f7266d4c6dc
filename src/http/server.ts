import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import type { Logger } from 'pino';
import type { WebConfig } from '../config/config.ts';
import { bridgeError, BridgeError, describeError } from '../domain/errors.ts';
import { packageFile } from '../lib/package-root.ts';
import type { ViewSources } from '../runs/read-view.ts';
import type { Slurm } from '../slurm/slurm.ts';
import { runsApi } from './api.ts';
import { checkHost, checkOrigin, requireSignIn, securityHeaders } from './guard.ts';
import { LiveRuns } from './live-runs.ts';
import { TokenSignIn } from './sign-in.ts';

export interface WebServer {
  /** `http://127.0.0.1:4080`, without a trailing slash. */
  address: string;
  live: LiveRuns;
  close(): Promise<void>;
}

export interface WebParts {
  config: WebConfig;
  sources: ViewSources;
  slurm: Slurm;
  /** Whether this process can do its work; becomes `/healthz`. */
  health(): Promise<Record<string, string>>;
  log: Logger;
}

/**
 * Serves pages, API and event streams.
 *
 * @throws PORT_TAKEN
 */
export async function startWeb(parts: WebParts): Promise<WebServer> {
  const stop = new AbortController();
  const live = new LiveRuns(parts.sources, parts.log);
  let port = parts.config.port;
  const hosts = (): string[] => [`${parts.config.host}:${port}`, `localhost:${port}`, `127.0.0.1:${port}`];
  const app = buildApp(parts, live, hosts, stop.signal);
  const server = createServer(getRequestListener(app.fetch));
  await listen(server, parts.config);
  const bound = server.address();
  if (bound && typeof bound === 'object') port = bound.port;
  return {
    address: `http://${parts.config.host}:${port}`,
    live,
    async close() {
      stop.abort();
      server.closeIdleConnections();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      setTimeout(() => server.closeAllConnections(), 1_000).unref();
      await closed;
    },
  };
}

function buildApp(parts: WebParts, live: LiveRuns, hosts: () => string[], signal: AbortSignal): Hono {
  const signIn = parts.config.token === null ? null : new TokenSignIn(parts.config.token);
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(securityHeaders)) c.res.headers.set(name, value);
  });
  app.get('/healthz', async (c) => {
    const checks = await parts.health();
    const ok = Object.values(checks).every((v) => v === 'ok');
    return c.json({ status: ok ? 'ok' : 'failing', checks }, ok ? 200 : 503);
  });
  app.use(checkHost(hosts), checkOrigin(hosts));

  app.get('/api/session', requireSignIn(signIn), (c) => c.json({ user: 'quick start' }));
  app.post('/api/session', async (c) => {
    const body: unknown = await c.req.json().catch(() => null);
    const token = typeof body === 'object' && body !== null && 'token' in body ? body.token : null;
    if (typeof token !== 'string' || !signIn?.accepts(token)) throw bridgeError('TOKEN_REFUSED', {});
    c.header('set-cookie', signIn.cookie());
    return c.body(null, 204);
  });
  app.delete('/api/session', (c) => {
    if (signIn) c.header('set-cookie', signIn.clearedCookie());
    return c.body(null, 204);
  });
  app.use('/api/*', requireSignIn(signIn), async (c, next) => {
    c.header('cache-control', 'no-store');
    await next();
  });
  app.route('/api', runsApi({ sources: parts.sources, slurm: parts.slurm, live, log: parts.log, signal }));
  app.all('/api/*', (c) => {
    throw bridgeError('PAGE_NOT_FOUND', { path: c.req.path });
  });

  app.get('/', async (c, next) => {
    const token = c.req.query('token');
    if (token === undefined) return next();
    if (!signIn?.accepts(token)) return c.redirect('/sign-in?refused', 303);
    // The token leaves the address at once, so that it stays out of history and bookmarks.
    c.header('set-cookie', signIn.cookie());
    return c.redirect('/', 303);
  });
  const root = packageFile('dist', 'web');
  app.use(
    '/assets/*',
    serveStatic({ root, onFound: (_, c) => c.header('cache-control', 'public, max-age=31536000, immutable') }),
  );
  app.get('*', serveStatic({ root }), serveStatic({ path: `${root}/index.html` }));

  app.notFound((c) => c.json(errorBody(bridgeError('PAGE_NOT_FOUND', { path: c.req.path })), 404));
  app.onError((error, c) => {
    if (error instanceof BridgeError) return c.json(errorBody(error), error.status as 400);
    parts.log.error({ path: c.req.path, error: describeError(error), stack: error.stack }, 'a request failed');
    return c.json(errorBody(bridgeError('INTERNAL', {})), 500);
  });
  return app;
}

function errorBody(error: BridgeError): { error: { code: string; message: string; remedy: string; who: string } } {
  return { error: { code: error.code, message: error.message, remedy: error.remedy, who: error.who } };
}

async function listen(server: Server, config: WebConfig): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE' || error.code === 'EACCES'
          ? bridgeError('PORT_TAKEN', { host: config.host, port: config.port }, { cause: error })
          : error,
      );
    });
    server.listen(config.port, config.host, resolve);
  });
}
