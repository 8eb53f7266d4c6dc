import { streamSSE } from 'hono/streaming';
import { z } from 'zod';
import { bridgeError } from '../../domain/errors.ts';
import { readRun } from '../../runs/read-runs.ts';
import type { Pool } from '../../lib/database.ts';
import { maySee } from '../identity/rights.ts';
import { signedHeaders, type Identity } from '../identity/identity.ts';
import type { LiveEvent, LiveRuns } from '../live-runs.ts';
import type { Route } from '../route.ts';
import { runIdOf } from './request.ts';

const streamLimit = 1_000;
/** An open stream outlives neither its sign-in nor a right that was taken away. */
const checkRightsMs = 60_000;
const pingMs = 15_000;

/** The event stream of a page: one for a run, or for the list. */
export function eventRoutes(parts: {
  runs: Pool;
  live: LiveRuns;
  identity: Identity;
  /** Ends open streams when the server stops. */
  signal: AbortSignal;
}): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/events',
      rule: 'signed-in',
      api: {
        summary:
          'Event stream: with `run`, that run as `run` events; else `runs` with the newest 100, then `summary` for each that changes. `ping` every 15 s.',
        query: z.object({ run: z.string().optional() }),
        answer: 'text/event-stream',
      },
      handle: async ({ c, viewer }) => {
        const asked = c.req.query('run');
        const run = asked === undefined ? null : await readRun(parts.runs, runIdOf(asked));
        if (asked !== undefined && (!run || !maySee(viewer, run))) throw bridgeError('RUN_NOT_FOUND', { run: asked });
        if (parts.live.size >= streamLimit) throw bridgeError('TOO_MANY_STREAMS', { limit: streamLimit });
        const headers = signedHeaders(c);
        c.header('x-accel-buffering', 'no');
        return streamSSE(c, async (stream) => {
          const queue: LiveEvent[] = [];
          let ring = (): void => {};
          const end = new AbortController();
          stream.onAbort(() => end.abort());
          const signal = AbortSignal.any([end.signal, parts.signal]);
          signal.addEventListener('abort', () => ring());
          const close = parts.live.open(viewer, run?.id ?? null, (event) => {
            // A reader that cannot keep up gets the newest snapshot instead of a growing queue.
            if (event.event === 'run') queue.length = 0;
            queue.push(event);
            ring();
          });
          let checked = Date.now();
          try {
            while (!signal.aborted) {
              if (Date.now() - checked > checkRightsMs) {
                const now = await parts.identity.viewer(headers).catch(() => null);
                // The page reconnects, and is told there what it may see now.
                if (!now || JSON.stringify(now) !== JSON.stringify(viewer)) return;
                checked = Date.now();
              }
              const event = queue.shift();
              if (event) await stream.writeSSE({ event: event.event, data: JSON.stringify(event.data) });
              else if (!(await rang((wake) => (ring = wake), pingMs)))
                await stream.writeSSE({ event: 'ping', data: '' });
            }
          } finally {
            close();
          }
        });
      },
    },
  ];
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
