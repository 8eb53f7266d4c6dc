import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { Logger } from 'pino';
import { bridgeError } from '../domain/errors.ts';
import { listRuns, readRun } from '../runs/read-runs.ts';
import { readRunView, summariesOf, type ViewSources } from '../runs/read-view.ts';
import type { Slurm } from '../slurm/slurm.ts';
import { readLogPiece } from './job-log.ts';
import type { LiveEvent, LiveRuns } from './live-runs.ts';

export interface ApiParts {
  sources: ViewSources;
  slurm: Slurm;
  live: LiveRuns;
  log: Logger;
  /** Ends open streams when the server stops. */
  signal: AbortSignal;
}

const pageSize = 50;
const streamLimit = 200;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Reading of runs; everything here stands behind the sign-in. */
export function runsApi(parts: ApiParts): Hono {
  const api = new Hono();

  api.get('/runs', async (c) => {
    const runs = await listRuns(parts.sources.runs, pageSize + 1, readCursor(c.req.query('cursor')));
    const page = runs.slice(0, pageSize);
    const last = runs.length > pageSize ? page.at(-1) : undefined;
    return c.json({
      runs: await summariesOf(parts.sources.runs, page),
      next: last ? `${last.launchedAt.getTime()}_${last.id}` : null,
    });
  });

  api.get('/runs/:id', async (c) => {
    const view = await readRunView(parts.sources, runId(c.req.param('id')));
    if (!view) throw bridgeError('RUN_NOT_FOUND', { run: c.req.param('id') });
    return c.json(view);
  });

  api.get('/runs/:id/log', async (c) => {
    const run = await readRun(parts.sources.runs, runId(c.req.param('id')));
    if (!run) throw bridgeError('RUN_NOT_FOUND', { run: c.req.param('id') });
    const piece = await readLogPiece(parts.sources.runs, parts.slurm, run, readOffset(c.req.query('from')));
    if (!piece) throw bridgeError('LOG_NOT_THERE', {});
    return c.json(piece);
  });

  api.get('/events', (c) => {
    const asked = c.req.query('run');
    const id = asked === undefined ? null : runId(asked);
    if (parts.live.size >= streamLimit) throw bridgeError('TOO_MANY_STREAMS', { limit: streamLimit });
    c.header('x-accel-buffering', 'no');
    return streamSSE(c, async (stream) => {
      const queue: LiveEvent[] = [];
      let ring = (): void => {};
      const end = new AbortController();
      stream.onAbort(() => end.abort());
      const signal = AbortSignal.any([end.signal, parts.signal]);
      signal.addEventListener('abort', () => ring());
      const close = parts.live.open(id, (event) => {
        // A reader that cannot keep up gets the newest snapshot instead of a growing queue.
        if (event.event === 'run') queue.length = 0;
        queue.push(event);
        ring();
      });
      try {
        while (!signal.aborted) {
          const event = queue.shift();
          if (event) await stream.writeSSE({ event: event.event, data: JSON.stringify(event.data) });
          else if (!(await rang((wake) => (ring = wake), 15_000))) await stream.writeSSE({ event: 'ping', data: '' });
        }
      } finally {
        close();
      }
    });
  });

  return api;
}

/** Resolves true at a ring, false after `ms`. */
function rang(setRing: (ring: () => void) => void, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    setRing(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

function runId(text: string): string {
  if (!uuid.test(text)) throw bridgeError('RUN_NOT_FOUND', { run: text.slice(0, 40) });
  return text;
}

function readCursor(text: string | undefined): { at: Date; id: string } | null {
  if (text === undefined) return null;
  const [ms, id] = text.split('_');
  if (!/^\d{1,15}$/.test(ms ?? '') || !uuid.test(id ?? ''))
    throw bridgeError('REQUEST_INVALID', { reason: 'cursor is not one that this server gave' });
  return { at: new Date(Number(ms)), id: id ?? '' };
}

function readOffset(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,15}$/.test(text)) throw bridgeError('REQUEST_INVALID', { reason: 'from is not a number of bytes' });
  return Number(text);
}
