import type { ResultView, RunSummary, StepView } from '../../src/runs/view.ts';
import { Icon, type IconName } from './icon.tsx';
import { runWord, type Tone } from './run-words.ts';

const stepStates: Record<StepView['state'], [Tone, IconName, string]> = {
  waiting: ['idle', 'wait', 'waiting'],
  running: ['run', 'run', 'running'],
  done: ['ok', 'done', 'done'],
  failed: ['fail', 'fail', 'failed'],
  attention: ['warn', 'warn', 'needs attention'],
};

const importStates: Record<ResultView['import'], [Tone, IconName, string]> = {
  none: ['idle', 'safe', 'Archived'],
  waiting: ['idle', 'wait', 'Archived, import waits'],
  imported: ['ok', 'done', 'In OMERO'],
  'already-there': ['ok', 'done', 'Was in OMERO already'],
  failed: ['fail', 'fail', 'Not imported'],
};

/** What is well stands back: its word is in plain ink. */
function State({ of: [tone, icon, word] }: { of: [Tone, IconName, string] }): React.ReactElement {
  return (
    <span className={`state ${tone}${tone === 'ok' ? ' calm' : ''}`}>
      <Icon name={icon} />
      {word}
    </span>
  );
}

/** A state by its own words. */
export function StateMark(props: { tone: Tone; icon: IconName; word: string }): React.ReactElement {
  return <State of={[props.tone, props.icon, props.word]} />;
}

const stageStates: Record<string, [Tone, IconName, string]> = {
  'Import Pending': ['idle', 'wait', 'Pending'],
  'Import Started': ['run', 'run', 'Importing'],
  'Import Preprocessing': ['run', 'run', 'Preprocessing'],
  'Import Completed': ['ok', 'done', 'Completed'],
  'Import Failed': ['fail', 'fail', 'Failed'],
};

/** The stage of an upload order; one that we do not know is shown as it is. */
export function StageMark({ stage }: { stage: string }): React.ReactElement {
  return <State of={stageStates[stage] ?? ['idle', 'unknown', stage]} />;
}

export function RunStateMark({ run }: { run: RunSummary }): React.ReactElement {
  const { tone, icon, word } = runWord(run);
  return <State of={[tone, icon, word]} />;
}

export function StepStateMark({ state }: { state: StepView['state'] }): React.ReactElement {
  return <State of={stepStates[state]} />;
}

/** Of results that were only fetched for their upload nothing is archived. */
const uploadStates: typeof importStates = {
  ...importStates,
  none: ['idle', 'done', 'Fetched'],
  waiting: ['idle', 'wait', 'Upload waits'],
  failed: ['fail', 'fail', 'Not uploaded'],
};

export function ImportStateMark(props: { state: ResultView['import']; archived?: boolean }): React.ReactElement {
  return <State of={(props.archived === false ? uploadStates : importStates)[props.state]} />;
}

/** Whether a run's results are in the archive. */
export function SafeMark({ safe, failed }: { safe: boolean; failed: boolean }): React.ReactElement {
  return <State of={safe ? ['ok', 'safe', 'Safe'] : ['idle', 'unsafe', failed ? 'None' : 'Not yet']} />;
}

/** Icon of a run's sentence; its word stands behind it for those who cannot see it. */
export function RunStateIcon({ run }: { run: RunSummary }): React.ReactElement {
  const { tone, icon, word } = runWord(run);
  return (
    <span className={tone}>
      <Icon name={icon} />
      <span className="vh">{word}</span>
    </span>
  );
}
