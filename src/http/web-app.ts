import { Hono } from 'hono';
import type { Logger } from 'pino';
import type { StorageConfig } from '../config/config.ts';
import type { DoctorResult } from '../doctor/check.ts';
import { bridgeError, BridgeError, describeError } from '../domain/errors.ts';
import type { ViewSources } from '../runs/read-view.ts';
import type { ImportJobContext } from '../runs/import-job.ts';
import type { SourceImages } from '../runs/source-images.ts';
import type { Slurm } from '../slurm/slurm.ts';
import { addRoute, type Askers } from './add-route.ts';
import type { PublicAddress } from './address.ts';
import { limitBody } from './broken-requests.ts';
import { checkHost, checkOrigin, secureHeaders, securityHeaders } from './guard.ts';
import type { Identity, SignedHeaders } from './identity/identity.ts';
import type { Viewer } from './identity/viewer.ts';
import type { LiveRuns } from './live-runs.ts';
import type { PreviewMaker } from '../previews/preview-maker.ts';
import { addPages } from './pages.ts';
import { problemResponse } from './problem.ts';
import type { Route } from './route.ts';
import { adminHealthRoutes } from './routes/admin-health.ts';
import { adminMappingRoutes } from './routes/admin-mappings.ts';
import { adminNotificationRoutes } from './routes/admin-notifications.ts';
import { adminOrderRoutes } from './routes/admin-orders.ts';
import { adminStorageRoutes } from './routes/admin-storage.ts';
import { eventRoutes } from './routes/events.ts';
import { fileRoutes } from './routes/files.ts';
import { importRoutes } from './routes/imports.ts';
import { openApiRoute } from './routes/openapi.ts';
import { runRoutes } from './routes/runs.ts';
import { shareLinkRoutes } from './routes/share-links.ts';
import { signInRoutes } from './routes/sign-in.ts';
import { startRoutes } from './routes/start.ts';
import type { ShareAccess } from './sharing/share-access.ts';

export interface WebAppParts {
  sources: ViewSources;
  slurm: Slurm;
  /** What starting a run and handing over a job need. */
  site: ImportJobContext;
  live: LiveRuns;
  identity: Identity;
  /** Links that show one run without sign-in. */
  shares: ShareAccess;
  previews: PreviewMaker;
  sourceImages: SourceImages;
  omeroWeb: string | null;
  storage: StorageConfig;
  /** The groups that OMERO has. */
  omeroGroups(): Promise<{ id: number; name: string }[]>;
  /** The doctor's cheap checks, from where this process runs. */
  doctor(): Promise<DoctorResult[]>;
  address: () => PublicAddress;
  /** Whether this process can do its work; becomes `/healthz`. */
  health(): Promise<Record<string, string>>;
  /** Ends open streams when the server stops. */
  signal: AbortSignal;
  log: Logger;
}

/** Every address of the API, with who may use it. */
export function routesOf(parts: WebAppParts): Route[] {
  const routes = [
    ...signInRoutes(parts),
    ...runRoutes({ sources: parts.sources, slurm: parts.slurm }),
    ...importRoutes({ sources: parts.sources, site: parts.site, log: parts.log }),
    ...fileRoutes({ runs: parts.sources.runs, previews: parts.previews, sources: parts.sourceImages }),
    ...startRoutes({ site: parts.site, log: parts.log }),
    ...eventRoutes({ live: parts.live, signal: parts.signal }),
    ...shareLinkRoutes({ runs: parts.sources.runs, shares: parts.shares }),
    ...adminNotificationRoutes({
      runs: parts.sources.runs,
      config: () => parts.site.config.notify ?? { mail: null, webhook: null },
    }),
    ...adminOrderRoutes({ ...parts.sources, importLogs: () => parts.site.config.importer.logDir }),
    ...adminStorageRoutes({ runs: parts.sources.runs, storage: parts.storage, log: parts.log }),
    ...adminMappingRoutes({ ...parts, runs: parts.sources.runs }),
    ...adminHealthRoutes(parts),
  ];
  return [...routes, openApiRoute(routes)];
}

/**
 * Pages, API and event streams, without a socket.
 *
 * @param viewer who sends a request; by default whoever its cookie or token says
 */
export function buildWebApp(
  parts: WebAppParts,
  viewer: (headers: SignedHeaders) => Promise<Viewer | null> = (headers) => parts.identity.viewer(headers),
): Hono {
  const { path, secure } = parts.address();
  const app = new Hono({ getPath: (request) => belowPath(new URL(request.url).pathname, path) });
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries({ ...securityHeaders, ...(secure ? secureHeaders : {}) }))
      c.res.headers.set(name, value);
  });
  app.get('/healthz', async (c) => {
    const checks = await parts.health();
    const ok = Object.values(checks).every((v) => v === 'ok');
    return c.json({ status: ok ? 'ok' : 'failing', checks }, ok ? 200 : 503);
  });
  app.use(checkHost(parts.address), checkOrigin(parts.address), limitBody());
  const askers: Askers = {
    runs: parts.sources.runs,
    viewer,
    holder: ({ cookie }, runId) => parts.shares.opened(cookie, runId),
  };
  for (const route of routesOf(parts)) addRoute(app, route, askers);
  app.all('/api/*', (c) => {
    throw bridgeError('PAGE_NOT_FOUND', { path: c.req.path });
  });

  app.get('/', async (c, next) => {
    const token = c.req.query('token');
    if (token === undefined) return next();
    const cookie = parts.identity.withToken(token);
    if (cookie === null) return c.redirect(`${path}sign-in?refused`, 303);
    // The token leaves the address at once, so that it stays out of history and bookmarks.
    c.header('set-cookie', cookie);
    return c.redirect(path, 303);
  });
  addPages(app, path);

  app.notFound((c) => problemResponse(bridgeError('PAGE_NOT_FOUND', { path: c.req.path })));
  app.onError((error, c) => {
    // Headers that a handler has set before it refused, such as Retry-After, stay.
    const headers = new Headers(c.res.headers);
    if (error instanceof BridgeError) return problemResponse(error, headers);
    // Whoever went away in the middle of a request is no failure of ours.
    const level = c.req.raw.signal.aborted ? 'debug' : 'error';
    parts.log[level]({ path: c.req.path, error: describeError(error), stack: error.stack }, 'a request failed');
    return problemResponse(bridgeError('INTERNAL', {}), headers);
  });
  return app;
}

/** A proxy may pass its path on or cut it off: both work. */
function belowPath(pathname: string, path: string): string {
  if (path === '/') return pathname;
  if (pathname.startsWith(path)) return pathname.slice(path.length - 1);
  return pathname === path.slice(0, -1) ? '/' : pathname;
}
