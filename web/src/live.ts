import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { RunSummary, RunView } from '../../src/runs/view.ts';
import { openStream } from './event-stream.ts';
import { mergeSummaries, newerView } from './merge.ts';

export interface Connection {
  /** Since when nothing arrives; null while the connection stands or has been down for a moment only. */
  lostAt: number | null;
}

/** A banner is due only after this long: a short gap is nobody's concern. */
const patienceMs = 10_000;

function useStream(url: string, events: Record<string, (data: string) => void>): Connection {
  const [lostAt, setLostAt] = useState<number | null>(null);
  const queries = useQueryClient();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const close = openStream(() => new EventSource(url), {
      events,
      onLost: (since) => {
        clearTimeout(timer);
        if (since === null) setLostAt(null);
        else timer = setTimeout(() => setLostAt(since), patienceMs);
      },
      onRefused: () => void queries.invalidateQueries({ queryKey: ['session'] }),
    });
    return () => {
      clearTimeout(timer);
      close();
    };
    // The handlers only set state; the address alone decides which stream it is.
  }, [url, queries]);
  return { lostAt };
}

/** A run, live: the newest snapshot that arrived, and the state of the connection. */
export function useRun(id: string): { view: RunView | null; connection: Connection } {
  const [view, setView] = useState<RunView | null>(null);
  const connection = useStream(`/api/events?run=${encodeURIComponent(id)}`, {
    run: (data) => setView((old) => newerView(old, JSON.parse(data) as RunView)),
  });
  return { view: view?.id === id ? view : null, connection };
}

/** The latest runs, live. */
export function useRuns(): { runs: RunSummary[] | null; connection: Connection } {
  const [runs, setRuns] = useState<RunSummary[] | null>(null);
  const connection = useStream('/api/events', {
    runs: (data) => setRuns((old) => mergeSummaries(old ?? [], JSON.parse(data) as RunSummary[])),
    summary: (data) => setRuns((old) => mergeSummaries(old ?? [], [JSON.parse(data) as RunSummary])),
  });
  return { runs, connection };
}

/** The time, renewed every `everyMs` while `ticking`. */
export function useClock(ticking: boolean, everyMs = 1_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!ticking) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [ticking, everyMs]);
  return now;
}

/**
 * Text for screen readers that changes at most every 15 s, and at once when `state` does, so that a running count does
 * not talk over everything else.
 */
export function useAnnouncement(text: string, state: string): string {
  const [said, setSaid] = useState({ text, state, at: Date.now() });
  useEffect(() => {
    if (text === said.text) return undefined;
    const wait = state === said.state ? Math.max(0, said.at + 15_000 - Date.now()) : 0;
    const timer = setTimeout(() => setSaid({ text, state, at: Date.now() }), wait);
    return () => clearTimeout(timer);
  }, [text, state, said]);
  return said.text;
}
