import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Logger } from 'pino';
import type { OmeroConfig, StorageConfig, WebConfig } from '../config/config.ts';
import type { DoctorResult } from '../doctor/check.ts';
import { bridgeError } from '../domain/errors.ts';
import type { ViewSources } from '../runs/read-view.ts';
import type { ImportJobContext } from '../runs/import-job.ts';
import type { SourceImages } from '../runs/source-images.ts';
import type { Slurm } from '../slurm/slurm.ts';
import { publicAddress } from './address.ts';
import { answerImpossible, answerUnparsed } from './broken-requests.ts';
import { Identity } from './identity/identity.ts';
import { keepTokenOnLoopback } from './identity/loopback.ts';
import { OmeroSignIn } from './identity/omero-sign-in.ts';
import { TokenSignIn } from './identity/token-sign-in.ts';
import type { Viewer } from './identity/viewer.ts';
import { LiveRuns } from './live-runs.ts';
import { PreviewMaker } from '../previews/preview-maker.ts';
import { ShareAccess } from './sharing/share-access.ts';
import { buildWebApp } from './web-app.ts';

export interface WebServer {
  /** `http://127.0.0.1:4080`, without a trailing slash. */
  address: string;
  live: LiveRuns;
  close(): Promise<void>;
}

export interface WebParts {
  config: WebConfig;
  /** Where people's names and passwords are known; without a host there is no sign-in by name. */
  omero: OmeroConfig;
  sources: ViewSources;
  storage: StorageConfig;
  sourceImages: SourceImages;
  /** The groups that OMERO has. */
  omeroGroups(): Promise<{ id: number; name: string }[]>;
  /** A person as OMERO knows them now, asked as the service account; null: gone, or no longer active. */
  person(userId: number): Promise<Viewer | null>;
  /** The doctor's cheap checks, from where this process runs. */
  doctor(): Promise<DoctorResult[]>;
  slurm: Slurm;
  /** What starting a run and handing over a job need. */
  site: ImportJobContext;
  /** Whether this process can do its work; becomes `/healthz`. */
  health(): Promise<Record<string, string>>;
  log: Logger;
}

/**
 * Serves pages, API and event streams.
 *
 * @throws PORT_TAKEN, TOKEN_BEYOND_LOOPBACK
 */
export async function startWeb({ config, omero, log, ...parts }: WebParts): Promise<WebServer> {
  keepTokenOnLoopback(config);
  const stop = new AbortController();
  const live = new LiveRuns(parts.sources, log);
  let port = config.port;
  const address = (): ReturnType<typeof publicAddress> => publicAddress(config, port);
  const identity = new Identity({
    token: config.token === null ? null : new TokenSignIn(config.token),
    omero: omero.host === '' ? null : new OmeroSignIn(omero, log),
    cookie: address(),
    trustProxy: config.trustProxy,
    runs: parts.sources.runs,
  });
  const shares = new ShareAccess({
    on: config.shareLinks,
    runs: parts.sources.runs,
    cookie: address(),
    person: parts.person,
    quickStart: config.token !== null,
  });
  const previews = new PreviewMaker(config.cacheFolder, log);
  void previews.sweep();
  const app = buildWebApp({
    ...parts,
    live,
    identity,
    shares,
    previews,
    omeroWeb: omero.webUrl,
    address,
    signal: stop.signal,
    log,
  });
  const server = createServer(
    // A request without `Host` is answered by us, like any other that cannot be.
    { requireHostHeader: false },
    getRequestListener(app.fetch, { errorHandler: answerImpossible }),
  );
  server.on('clientError', answerUnparsed);
  await listen(server, config);
  const bound = server.address();
  if (bound && typeof bound === 'object') port = bound.port;
  return {
    address: `http://${config.host}:${port}`,
    live,
    async close() {
      stop.abort();
      server.closeIdleConnections();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      setTimeout(() => server.closeAllConnections(), 1_000).unref();
      await closed;
      previews.close();
      await identity.close();
    },
  };
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
