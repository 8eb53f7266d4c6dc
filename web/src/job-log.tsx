import { useLayoutEffect, useRef, useState } from 'react';
import { basePath } from './api.ts';
import { Icon } from './icon.tsx';
import { findLines, LogLines } from './log-lines.tsx';
import { shownLines } from './log-text.ts';
import { useJobLog } from './use-job-log.ts';
import { numberText, sizeText } from './words.ts';

/** The end of the job's log, followed until the reader pauses or scrolls away from it. */
export function JobLog(props: {
  runId: string;
  jobId: number | null;
  begun: boolean;
  ended: boolean;
}): React.ReactElement {
  const [following, setFollowing] = useState(true);
  const hasJob = props.jobId !== null && props.begun;
  const log = useJobLog(props.runId, following && (hasJob || props.ended), props.ended);
  const box = useRef<HTMLDivElement>(null);
  const lines = shownLines(log.text);
  const [text, setText] = useState('');
  const [step, setStep] = useState(0);
  const found = findLines(lines, text);
  const at = found.length === 0 ? null : (found[((step % found.length) + found.length) % found.length] ?? null);

  // At once with the lines: the event of the scrolling before must not find the end further down, and take it for a reader.
  useLayoutEffect(() => {
    if (following && text === '' && box.current) box.current.scrollTop = box.current.scrollHeight;
  });

  /** Nobody's log is moved under their eyes: who scrolls up pauses, who comes back to the end follows again. */
  const scrolled = (): void => {
    const at = box.current;
    if (!at) return;
    setFollowing(at.scrollHeight - at.scrollTop - at.clientHeight < 24);
  };

  const aside = hasJob ? `Job ${props.jobId}` : props.ended ? 'There was no job.' : 'The job has not started.';
  if (log.none !== null && lines.length === 0)
    return (
      <LogSection aside={aside}>
        <p className="panel log-none">{log.none}</p>
      </LogSection>
    );
  return (
    <LogSection aside={aside}>
      <div className="panel clip">
        <div className="log-bar">
          <span className="quiet">{log.note}</span>
          {lines.length > 0 && (
            <span className="search">
              <Icon name="search" />
              <input
                className="input"
                type="search"
                aria-label="Search the lines of the log; Enter goes to the next"
                placeholder="Search these lines"
                maxLength={200}
                value={text}
                onChange={(event) => {
                  setText(event.target.value);
                  setStep(0);
                }}
                onKeyDown={(event) => {
                  if (event.key !== 'Enter') return;
                  event.preventDefault();
                  setStep(step + (event.shiftKey ? -1 : 1));
                }}
              />
            </span>
          )}
          <span className="quiet" role="status">
            {text !== '' && (found.length === 0 ? 'Not found' : `In ${numberText(found.length, 'line')}`)}
          </span>
          <span className="actions">
            {!log.complete && log.none === null && (
              <button className="button small" type="button" onClick={() => setFollowing((f) => !f)}>
                <Icon name={following ? 'pause' : 'play'} />
                {following ? 'Pause' : 'Follow'}
              </button>
            )}
            {log.size > 0 && log.none === null && (
              <a className="button small" href={`${basePath}/api/runs/${props.runId}/log/download`} download>
                <Icon name="download" />
                Download
              </a>
            )}
          </span>
        </div>
        <div
          className="log"
          role="region"
          aria-label={`Log of job ${props.jobId ?? ''}, f follows or pauses`}
          tabIndex={0}
          ref={box}
          onScroll={scrolled}
          onKeyDown={(event) => {
            if (event.key !== 'f' || event.ctrlKey || event.metaKey || event.altKey) return;
            event.preventDefault();
            setFollowing((f) => !f);
          }}
        >
          {log.skipped > 0 && <p className="quiet">{sizeText(log.skipped)} before this are in the download.</p>}
          {lines.length > 0 ? <LogLines lines={lines} text={text} at={at} /> : <p className="quiet">Nothing yet.</p>}
        </div>
        <div className="log-foot">
          <span>
            {numberText(lines.length, 'line')} shown, {sizeText(log.size)}
          </span>
          {!log.complete && log.none === null && !following && <span>Paused</span>}
        </div>
      </div>
    </LogSection>
  );
}

function LogSection({ aside, children }: { aside: string; children: React.ReactNode }): React.ReactElement {
  return (
    <section className="section" id="log" aria-labelledby="log-title">
      <div className="section-head">
        <h2 id="log-title">Log</h2>
        <span className="aside">{aside}</span>
      </div>
      {children}
    </section>
  );
}
