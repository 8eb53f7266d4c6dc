import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useEffectEvent, useState } from 'react';
import type { SeenRun } from '../../src/http/seen-run.ts';
import type { RunSummary } from '../../src/runs/view.ts';
import { basePath } from './api.ts';
import { openStream } from './event-stream.ts';
import { setHearing } from './live-mark.tsx';
import { mergeSummaries, newerView } from './merge.ts';

export interface Connection {
  /** Since when nothing arrives; null while the connection stands or has been down for a moment only. */
  lostAt: number | null;
}

/** A banner is due only after this long: a short gap is nobody's concern. */
const patienceMs = 10_000;

const runEvents = ['run'] as const;
const listEvents = ['runs', 'summary'] as const;

/** `url`: null for no stream. */
function useStream<Name extends string>(
  url: string | null,
  names: readonly Name[],
  on: (event: Name, data: string) => void,
): Connection {
  const [lostAt, setLostAt] = useState<number | null>(null);
  const queries = useQueryClient();
  const onEvent = useEffectEvent(on);
  useEffect(() => {
    if (url === null) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    setHearing('none');
    const close = openStream(() => new EventSource(`${basePath}${url}`), {
      events: Object.fromEntries(names.map((name) => [name, (data: string) => onEvent(name, data)])),
      onHeard: () => setHearing('live'),
      onLost: (since) => {
        clearTimeout(timer);
        setHearing(since === null ? 'live' : 'lost');
        if (since === null) setLostAt(null);
        else timer = setTimeout(() => setLostAt(since), patienceMs);
      },
      // Perhaps the sign-in has ended, or the right to see the run.
      onRefused: () =>
        void queries.invalidateQueries({ predicate: ({ queryKey: [what] }) => what === 'session' || what === 'run' }),
    });
    return () => {
      clearTimeout(timer);
      setHearing('none');
      setLostAt(null);
      close();
    };
  }, [url, names, queries]);
  return { lostAt };
}

/** A run, live while it is `allowed` to us: the newest snapshot that arrived, and the state of the connection. */
export function useRun(id: string, allowed: boolean): { view: SeenRun | null; connection: Connection } {
  const [view, setView] = useState<SeenRun | null>(null);
  const connection = useStream(allowed ? `/api/runs/${encodeURIComponent(id)}/events` : null, runEvents, (_, data) =>
    setView((old) => newerView(old, JSON.parse(data) as SeenRun)),
  );
  return { view: view?.id === id ? view : null, connection };
}

/** The latest runs, live. */
export function useRuns(): { runs: RunSummary[] | null; connection: Connection } {
  const [runs, setRuns] = useState<RunSummary[] | null>(null);
  const connection = useStream('/api/events', listEvents, (event, data) => {
    const arrived = event === 'runs' ? (JSON.parse(data) as RunSummary[]) : [JSON.parse(data) as RunSummary];
    setRuns((old) => mergeSummaries(old ?? [], arrived));
  });
  return { runs, connection };
}

/** The time, renewed every `everyMs` while `ticking`. */
export function useClock(ticking: boolean, everyMs = 1_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!ticking) return undefined;
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [ticking, everyMs]);
  return now;
}

/** Long enough for a screen reader to notice a change before it is told to be quiet again. */
const noticeMs = 1_000;
const quietMs = 15_000;

/**
 * `aria-live` of a text that changes often: its changes are spoken at most every 15 s, and at once when `state` changes,
 * so that a running count does not talk over everything else.
 */
export function useLiveness(text: string, state: string): 'polite' | 'off' {
  const [spoken, setSpoken] = useState({ text, state, quiet: false });
  const live = spoken.quiet && spoken.state === state ? 'off' : 'polite';
  useEffect(() => {
    if (live === 'off' || (text === spoken.text && state === spoken.state)) return undefined;
    const timer = setTimeout(() => setSpoken({ text, state, quiet: true }), noticeMs);
    return () => clearTimeout(timer);
  }, [text, state, live, spoken]);
  // What changed meanwhile is not news any more; the next change is.
  const listenAgain = useEffectEvent(() => setSpoken({ text, state, quiet: false }));
  useEffect(() => {
    if (!spoken.quiet) return undefined;
    const timer = setTimeout(() => listenAgain(), quietMs);
    return () => clearTimeout(timer);
  }, [spoken]);
  return live;
}
