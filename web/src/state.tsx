import type { ResultView, RunState, StepView } from '../../src/runs/view.ts';
import { Icon, type IconName } from './icon.tsx';

type Tone = 'ok' | 'run' | 'warn' | 'fail' | 'idle';

const runStates: Record<RunState, [Tone, IconName, string]> = {
  running: ['run', 'run', 'In progress'],
  attention: ['warn', 'warn', 'Waiting'],
  failed: ['fail', 'fail', 'Failed'],
  done: ['ok', 'done', 'Done'],
};

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

function State({ of: [tone, icon, word] }: { of: [Tone, IconName, string] }): React.ReactElement {
  return (
    <span className={`state ${tone}`}>
      <Icon name={icon} />
      {word}
    </span>
  );
}

export function RunStateMark({ state }: { state: RunState }): React.ReactElement {
  return <State of={runStates[state]} />;
}

export function StepStateMark({ state }: { state: StepView['state'] }): React.ReactElement {
  return <State of={stepStates[state]} />;
}

export function ImportStateMark({ state }: { state: ResultView['import'] }): React.ReactElement {
  return <State of={importStates[state]} />;
}

/** Icon of a run's sentence. */
export function RunStateIcon({ state }: { state: RunState }): React.ReactElement {
  const [tone, icon] = runStates[state];
  return (
    <span className={tone}>
      <Icon name={icon} />
    </span>
  );
}
