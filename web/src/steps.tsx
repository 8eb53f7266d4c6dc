import type { Recipe } from '../../src/domain/vocabulary.ts';
import { stepTitles } from '../../src/domain/vocabulary.ts';
import type { StepView } from '../../src/runs/view.ts';
import { useClock } from './live.ts';
import { StepStateMark } from './state.tsx';
import { Time } from './time.tsx';
import { timelineOf, type Timeline } from './timeline.ts';
import { clockText, durationText, sizeText, timeText, upperFirst } from './words.ts';

/** One row per step beside a time axis; a green rule stands where nothing can be lost any more. */
export function Steps({ steps, recipe }: { steps: StepView[]; recipe: Recipe }): React.ReactElement {
  const goesOn = steps.some((s) => s.state === 'running' || s.state === 'attention');
  const now = useClock(goesOn);
  const timeline = timelineOf(steps, now, axisClock, recipe);
  return (
    <section className="section" id="steps" aria-labelledby="steps-title">
      <h2 className="vh" id="steps-title">
        Steps
      </h2>
      <div className="panel clip">
        <table className="steps">
          <caption className="vh">The steps of this run with their start, duration, attempts, files and size</caption>
          <colgroup>
            <col className="c-step" />
            <col />
            <col className="c-start" />
            <col className="c-dur" />
            <col className="c-try" />
            <col className="c-files" />
            <col className="c-size" />
          </colgroup>
          <thead>
            <tr>
              <th scope="col">Step</th>
              <td className="c-lane" aria-hidden="true">
                {timeline && <LaneHead timeline={timeline} />}
              </td>
              {['Started', 'Took', 'Attempt', 'Files', 'Size'].map((head) => (
                <th scope="col" className="num" key={head}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {steps.map((step) => (
              <StepRow
                key={step.name}
                title={stepTitles[recipe][step.name]}
                step={step}
                timeline={timeline}
                now={now}
              />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function StepRow(props: { title: string; step: StepView; timeline: Timeline | null; now: number }): React.ReactElement {
  const { step } = props;
  const goesOn = step.endedAt === null && (step.state === 'running' || step.state === 'attention');
  const end = goesOn ? props.now : step.endedAt === null ? null : Date.parse(step.endedAt);
  return (
    <tr>
      <th scope="row">
        <span className="step">
          <b>{upperFirst(props.title)}</b> <StepStateMark state={step.state} />
        </span>
        {step.detail && <small>{step.detail}</small>}
      </th>
      <td className="c-lane" aria-hidden="true">
        {props.timeline && <Lane timeline={props.timeline} step={step.name} />}
      </td>
      <td className="num">{step.startedAt && <Time iso={step.startedAt} exact />}</td>
      <td className="num">{step.startedAt && end !== null && durationText(end - Date.parse(step.startedAt))}</td>
      <td className="num">
        {step.attempt > 0 && (
          <>
            <span className="narrow">attempt </span>
            {step.attempt}
          </>
        )}
      </td>
      <td className="num">{filesText(step)}</td>
      <td className="num" title={step.bytesDone === null ? undefined : `${step.bytesDone.toLocaleString('en')} bytes`}>
        {step.bytesDone !== null && sizeText(step.bytesDone)}
      </td>
    </tr>
  );
}

function LaneHead({ timeline }: { timeline: Timeline }): React.ReactElement {
  const flags = [timeline.safe, timeline.now].filter((at) => at !== null);
  // A word of the axis gives way where it would touch one of the two flags.
  const free = timeline.ticks.filter((tick) => flags.every((at) => Math.abs(at - tick.at) > 7));
  return (
    <div className="lane">
      {free.map((tick) => (
        <i className="tick" key={tick.at} style={{ left: `${tick.at}%` }}>
          <span>{tick.label}</span>
        </i>
      ))}
      <Rules timeline={timeline} />
      {timeline.safe !== null && (
        <span className="flag left ok" style={{ left: `${timeline.safe}%` }}>
          Safe
        </span>
      )}
      {timeline.now !== null && (
        <span className="flag run" style={{ left: `${timeline.now}%` }}>
          Now
        </span>
      )}
    </div>
  );
}

function Lane({ timeline, step }: { timeline: Timeline; step: StepView['name'] }): React.ReactElement {
  const bar = timeline.bars.get(step);
  return (
    <div className="lane">
      {timeline.ticks.map((tick) => (
        <i className="tick" key={tick.at} style={{ left: `${tick.at}%` }} />
      ))}
      <Rules timeline={timeline} />
      {bar && <span className={`bar ${bar.kind}`} style={{ left: `${bar.left}%`, width: `${bar.width}%` }} />}
    </div>
  );
}

function Rules({ timeline }: { timeline: Timeline }): React.ReactElement {
  return (
    <>
      {timeline.safe !== null && <i className="safe-line" style={{ left: `${timeline.safe}%` }} />}
      {timeline.now !== null && <i className="now-line" style={{ left: `${timeline.now}%` }} />}
    </>
  );
}

/** Words of the axis: seconds where they count, the day where more than one is shown. */
function axisClock(ms: number, span: number): string {
  const iso = new Date(ms).toISOString();
  if (span > 20 * 3_600_000) return timeText(iso);
  const text = clockText(iso);
  return text.endsWith(':00') ? text.slice(0, 5) : text;
}

function filesText(step: StepView): string {
  if (step.filesTotal === null) return step.filesDone === null ? '' : step.filesDone.toLocaleString('en');
  return `${(step.filesDone ?? 0).toLocaleString('en')} of ${step.filesTotal.toLocaleString('en')}`;
}
