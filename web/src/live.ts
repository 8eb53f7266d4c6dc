import { useEffect, useState } from 'react';
import type { RunSummary, RunView } from '../../src/runs/view.ts';
import { mergeSummaries, newerView } from './merge.ts';

export interface Connection {
  /** Since when the stream has been down; null while it is up. */
  lostAt: number | null;
}

/** A banner is due only after this long: a short gap is nobody's concern. */
const patienceMs = 10_000;

function useStream(url: string, on: Record<string, (data: string) => void>, key: string): Connection {
  const [lostAt, setLostAt] = useState<number | null>(null);
  useEffect(() => {
    const source = new EventSource(url);
    let timer: ReturnType<typeof setTimeout> | null = null;
    let downSince: number | null = null;
    source.onopen = () => {
      if (timer) clearTimeout(timer);
      timer = null;
      downSince = null;
      setLostAt(null);
    };
    source.onerror = () => {
      downSince ??= Date.now();
      const since = downSince;
      timer ??= setTimeout(() => setLostAt(since), patienceMs);
    };
    for (const [event, handle] of Object.entries(on))
      source.addEventListener(event, (message) => handle((message as MessageEvent<string>).data));
    return () => {
      if (timer) clearTimeout(timer);
      source.close();
    };
    // The handlers only set state; the address alone decides which stream it is.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [url, key]);
  return { lostAt };
}

/** A run, live: the newest snapshot that arrived, and the state of the connection. */
export function useRun(id: string): { view: RunView | null; connection: Connection } {
  const [view, setView] = useState<RunView | null>(null);
  const connection = useStream(
    `/api/events?run=${encodeURIComponent(id)}`,
    { run: (data) => setView((old) => newerView(old, JSON.parse(data) as RunView)) },
    id,
  );
  return { view: view?.id === id ? view : null, connection };
}

/** All runs, live. */
export function useRuns(): { runs: RunSummary[] | null; connection: Connection } {
  const [runs, setRuns] = useState<RunSummary[] | null>(null);
  const connection = useStream(
    '/api/events',
    {
      runs: (data) => setRuns((old) => mergeSummaries(old ?? [], JSON.parse(data) as RunSummary[])),
      summary: (data) => setRuns((old) => mergeSummaries(old ?? [], [JSON.parse(data) as RunSummary])),
    },
    'all',
  );
  return { runs, connection };
}
