import { useEffect, useRef, useState } from 'react';
import { ApiError, getJson } from './api.ts';
import { appendLog, emptyLog, type LogText } from './log-text.ts';
import { clockText } from './words.ts';

interface LogPiece {
  from: number;
  next: number;
  size: number;
  text: string;
  complete: boolean;
}

export interface JobLogState {
  text: LogText;
  /** Bytes of the whole log. */
  size: number;
  /** Bytes at its beginning that are not shown. */
  skipped: number;
  /** True when it cannot grow any more. */
  complete: boolean;
  /** How fresh it is, or why it is not. */
  note: string;
  /** Why there is no log, and where it may be; null while one may come. */
  none: string | null;
}

/** Of a long log only this much of its end is read. */
const tailBytes = 128 * 1024;
const everyMs = 1_000;
const afterFailureMs = 5_000;

const nothing: JobLogState = { text: emptyLog, size: 0, skipped: 0, complete: false, note: '', none: null };
/** Answers that say that no log will come, or none any more. */
const final: ReadonlySet<string | null> = new Set(['LOG_NEVER_WRITTEN', 'LOG_GONE']);

/**
 * Reads a job's log piece by piece by byte offset while `following`; goes on from there after a pause. Of a run that has
 * `ended`, it is asked once where there is none.
 * A component that shows another job must be another one (by its key).
 */
export function useJobLog(runId: string, following: boolean, ended: boolean): JobLogState {
  const [state, setState] = useState(nothing);
  const from = useRef<number | null>(null);

  useEffect(() => {
    if (!following || state.complete) return undefined;
    const stop = new AbortController();
    const read = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        let pause = everyMs;
        try {
          const piece = await readPiece(runId, from.current, stop.signal);
          // A pause that came in between has thrown the answer away; the next reading asks for it again.
          if (stop.signal.aborted) return;
          const begins = from.current === null;
          from.current = piece.next;
          setState((old) => ({
            text: appendLog(old.text, begins && piece.from > 0 ? afterFirstLine(piece.text) : piece.text),
            size: piece.size,
            skipped: begins ? piece.from : old.skipped,
            complete: piece.complete,
            note: piece.complete ? 'Complete' : `Read at ${clockText(new Date().toISOString())}`,
            none: null,
          }));
          if (piece.complete) return;
          if (piece.next < piece.size) pause = 0;
        } catch (error) {
          if (stop.signal.aborted) return;
          pause = afterFailureMs;
          if (error instanceof ApiError && final.has(error.code)) {
            const none = `${error.message} ${error.remedy}`;
            setState((old) => ({ ...old, note: old.size > 0 ? error.message : '', none }));
            if (ended) return;
          } else {
            const note = error instanceof ApiError ? error.message : 'The server does not answer; asking again.';
            setState((old) => ({ ...old, note }));
          }
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    };
    void read();
    return () => stop.abort();
  }, [runId, following, ended, state.complete]);
  return state;
}

/** The piece at an offset; without one the last piece of the log. */
async function readPiece(runId: string, from: number | null, signal?: AbortSignal): Promise<LogPiece> {
  const piece = await getJson<LogPiece>(`/api/runs/${runId}/log?from=${from ?? 0}`, signal);
  if (from !== null || piece.size <= tailBytes * 2) return piece;
  return await getJson<LogPiece>(`/api/runs/${runId}/log?from=${piece.size - tailBytes}`, signal);
}

/** A piece that does not start with the log starts within a line, perhaps within a character. */
function afterFirstLine(text: string): string {
  return text.slice(text.indexOf('\n') + 1);
}
