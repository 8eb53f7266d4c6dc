import { useEffect, useState } from 'react';
import type { StepView } from '../../src/runs/view.ts';
import { StepStateMark } from './state.tsx';
import { clockText, durationText, sizeText } from './words.ts';

const titles: Record<StepView['name'], string> = {
  submit: 'Submit',
  follow: 'Follow',
  archive: 'Archive',
  order: 'Order',
  import: 'Import',
  annotate: 'Annotate',
};

/** One row per step; below the archive's row a green rule: from there on nothing can be lost. */
export function Steps({ steps }: { steps: StepView[] }): React.ReactElement {
  const now = useClock(steps.some((s) => s.state === 'running'));
  return (
    <section className="section" id="steps" aria-labelledby="steps-title">
      <div className="section-head">
        <h2 id="steps-title">Steps</h2>
      </div>
      <div className="panel scroll">
        <table className="steps">
          <caption className="vh">The steps of this run with their start, duration, attempts, files and size</caption>
          <thead>
            <tr>
              <th scope="col">Step</th>
              <th scope="col" className="num">
                Started
              </th>
              <th scope="col" className="num">
                Took
              </th>
              <th scope="col" className="num">
                Attempt
              </th>
              <th scope="col" className="num">
                Files
              </th>
              <th scope="col" className="num">
                Size
              </th>
            </tr>
          </thead>
          <tbody>
            {steps.map((step) => (
              <StepRow key={step.name} step={step} now={now} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function StepRow({ step, now }: { step: StepView; now: number }): React.ReactElement {
  const safe = step.name === 'archive' && step.state === 'done';
  const end = step.endedAt === null ? now : Date.parse(step.endedAt);
  return (
    <tr className={safe ? 'safe-from-here' : undefined}>
      <th scope="row">
        <b>{titles[step.name]}</b> <StepStateMark state={step.state} />
        {step.detail && <small>{step.detail}</small>}
      </th>
      <td className="num">
        {step.startedAt && <time dateTime={step.startedAt}>{clockText(step.startedAt)}</time>}
      </td>
      <td className="num">{step.startedAt && durationText(end - Date.parse(step.startedAt))}</td>
      <td className="num">{step.attempt > 0 && step.attempt}</td>
      <td className="num">{filesText(step)}</td>
      <td className="num" title={step.bytesDone === null ? undefined : `${step.bytesDone.toLocaleString('en')} bytes`}>
        {step.bytesDone !== null && sizeText(step.bytesDone)}
      </td>
    </tr>
  );
}

function filesText(step: StepView): string {
  if (step.filesTotal === null) return step.filesDone === null ? '' : String(step.filesDone);
  return `${step.filesDone ?? 0} of ${step.filesTotal}`;
}

/** The time, renewed every second while something runs. */
function useClock(ticking: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!ticking) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [ticking]);
  return now;
}
