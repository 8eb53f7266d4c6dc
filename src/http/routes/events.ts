import { streamSSE } from 'hono/streaming';
import { bridgeError } from '../../domain/errors.ts';
import type { LiveEvent, LiveRuns } from '../live-runs.ts';
import type { Route, Signed } from '../route.ts';

const streamLimit = 1_000;
/** An open stream outlives neither its sign-in, nor a right that was taken away, nor the link it came by. */
const checkRightsMs = 15_000;
const pingMs = 15_000;

interface EventParts {
  live: LiveRuns;
  /** Ends open streams when the server stops. */
  signal: AbortSignal;
}

/** The event stream of a page: one for a run, or for the list. */
export function eventRoutes(parts: EventParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/events',
      rule: 'signed-in',
      api: {
        summary:
          'Event stream: `runs` with the newest 100 that one may see, then `summary` for each that changes. `ping` every 15 s.',
        answer: 'text/event-stream',
      },
      handle: (on) => stream(parts, on, null),
    },
    {
      method: 'GET',
      path: '/api/runs/:id/events',
      rule: 'see-run',
      shared: true,
      api: {
        summary: 'Event stream: `run` with the whole run at every change. `ping` every 15 s.',
        answer: 'text/event-stream',
      },
      handle: (on) => stream(parts, on, on.run.id),
    },
  ];
}

function stream(parts: EventParts, { c, viewer, again }: Signed, runId: string | null): Response {
  if (parts.live.size >= streamLimit) throw bridgeError('TOO_MANY_STREAMS', { limit: streamLimit });
  c.header('x-accel-buffering', 'no');
  return streamSSE(c, async (out) => {
    const queue: LiveEvent[] = [];
    let ring = (): void => {};
    const end = new AbortController();
    out.onAbort(() => end.abort());
    const signal = AbortSignal.any([end.signal, parts.signal]);
    signal.addEventListener('abort', () => ring());
    const close = parts.live.open(viewer, runId, (event) => {
      // A reader that cannot keep up gets the newest snapshot instead of a growing queue.
      if (event.event === 'run') queue.length = 0;
      queue.push(event);
      ring();
    });
    let checked = Date.now();
    try {
      while (!signal.aborted) {
        if (Date.now() - checked > checkRightsMs) {
          // The page reconnects, and is told there what it may see now.
          if (JSON.stringify(await again()) !== JSON.stringify(viewer)) return;
          checked = Date.now();
        }
        const event = queue.shift();
        if (event) await out.writeSSE({ event: event.event, data: JSON.stringify(event.data) });
        else if (!(await rang((wake) => (ring = wake), pingMs))) await out.writeSSE({ event: 'ping', data: '' });
      }
    } finally {
      close();
    }
  });
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
