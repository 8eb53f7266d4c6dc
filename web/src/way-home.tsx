import { Fragment } from 'react';
import { stepTitles, type StepName } from '../../src/domain/vocabulary.ts';
import type { RunSummary } from '../../src/runs/view.ts';
import { durationText, upperFirst } from './words.ts';

type Step = RunSummary['steps'][number];

/** After this step nothing of the results can be lost any more. */
const safeAfter: Record<RunSummary['recipe'], StepName> = { 'import-results': 'archive', 'get-results': 'annotate' };

const stateWords: Record<Step['state'], string> = {
  waiting: 'waiting',
  running: 'running',
  done: 'done',
  failed: 'failed',
  attention: 'needs attention',
};

/** How far a run has come: its steps in a row, and a rule behind which nothing can be lost. */
export function WayHome({ run }: { run: RunSummary }): React.ReactElement {
  const title = (step: Step): string => stepTitles[run.recipe][step.name];
  const share = run.imagesTotal ? Math.round((run.imagesFound / run.imagesTotal) * 100) : null;
  const safe = run.steps.some((s) => s.name === safeAfter[run.recipe] && s.state === 'done');
  return (
    <>
      <span
        className="way"
        role="img"
        aria-label={run.steps.map((step) => `${title(step)} ${stateWords[step.state]}`).join(', ')}
      >
        {run.steps.map((step) => (
          <Fragment key={step.name}>
            <i
              className={partOf(step, run)}
              style={
                step.name === 'import' && share !== null ? ({ '--p': `${share}%` } as React.CSSProperties) : undefined
              }
            />
            {step.name === safeAfter[run.recipe] && <b className={safe ? 'safe' : undefined} />}
          </Fragment>
        ))}
      </span>
      <small>{nowText(run, title)}</small>
    </>
  );
}

/** An import that brought some of the images is no bar of red. */
function partOf(step: Step, run: RunSummary): string {
  if (step.state === 'failed' && step.name === 'import' && run.imagesFound > 0) return 'attention';
  return step.state;
}

function nowText(run: RunSummary, title: (step: Step) => string): string {
  if (run.state === 'done')
    return run.endedAt === null ? '' : `took ${durationText(Date.parse(run.endedAt) - Date.parse(run.launchedAt))}`;
  const at =
    run.steps.find((s) => s.state === 'failed' || s.state === 'attention') ??
    run.steps.findLast((s) => s.state === 'running') ??
    run.steps.find((s) => s.state === 'waiting');
  if (!at) return '';
  const word = at.state === 'running' ? '' : `, ${stateWords[at.state]}`;
  return `${upperFirst(title(at))}${word}`;
}
