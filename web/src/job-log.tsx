import { useEffect, useRef, useState } from 'react';
import { ApiError, getJson } from './api.ts';
import { Icon } from './icon.tsx';
import { sizeText } from './words.ts';

interface LogPiece {
  from: number;
  next: number;
  size: number;
  text: string;
  complete: boolean;
}

/** Lines kept on the page; the whole log is in the download. */
const keptCharacters = 400_000;

/** The job's log by byte offset, following its end until the reader pauses. */
export function JobLog(props: { runId: string; jobId: number | null; revision: number }): React.ReactElement {
  const [text, setText] = useState('');
  const [size, setSize] = useState(0);
  const [following, setFollowing] = useState(true);
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (props.jobId === null) return undefined;
    const stop = new AbortController();
    let from = 0;
    setText('');
    const read = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        let pause = 1_000;
        try {
          const piece = await getJson<LogPiece>(`/api/runs/${props.runId}/log?from=${from}`, stop.signal);
          from = piece.next;
          setSize(piece.size);
          if (piece.text) setText((old) => (old + piece.text).slice(-keptCharacters));
          if (piece.complete) return;
          if (piece.next < piece.size) pause = 0;
        } catch (error) {
          if (!(error instanceof ApiError)) pause = 5_000;
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    };
    void read();
    return () => stop.abort();
  }, [props.runId, props.jobId]);

  useEffect(() => {
    if (following && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text, following]);

  return (
    <section className="section" id="log" aria-labelledby="log-title">
      <div className="section-head">
        <h2 id="log-title">Log</h2>
        <span className="aside">{props.jobId === null ? 'The job has not started.' : `Job ${props.jobId}, ${sizeText(size)}`}</span>
        <span className="actions">
          <button
            className="button small"
            type="button"
            aria-pressed={following}
            onClick={() => setFollowing((f) => !f)}
          >
            <Icon name={following ? 'pause' : 'play'} />
            {following ? 'Following' : 'Follow'}
          </button>
        </span>
      </div>
      <div className="panel">
        <div className="log" role="log" aria-live="off" aria-label="Job log" tabIndex={0} ref={box}>
          <pre>{text || 'Nothing yet.'}</pre>
        </div>
      </div>
    </section>
  );
}
