import { useState } from 'react';
import type { SeenRun } from '../../src/http/seen-run.ts';
import type { FailureView } from '../../src/runs/view.ts';
import { postJson } from './api.ts';
import { Icon } from './icon.tsx';
import { OrderLink } from './order-link.tsx';
import { refusalText } from './reason-dialog.tsx';
import { Time } from './time.tsx';
import { numberText } from './words.ts';

const people: Record<Exclude<FailureView['who'], 'researcher'>, string> = {
  admin: 'An admin of this service',
  it: 'IT',
  developer: 'The developers of biomero-bridge',
};

/** Whose run it is: for whoever may change it as well, the reader. */
function researcherOf(view: SeenRun): string {
  return view.mayChange ? 'You' : view.user;
}

/** What happened, what is safe, who can do what about it. */
export function FailureCard({ failure, view }: { failure: FailureView; view: SeenRun }): React.ReactElement {
  const archived = view.archive !== null;
  return (
    <section id="failure" className={`panel failure${archived ? '' : ' is-fail'}`} aria-labelledby="failure-title">
      <header>
        <Icon name={archived ? 'warn' : 'fail'} />
        <h2 id="failure-title">The step {failure.step} failed</h2>
        <span className="code">{failure.code}</span>
      </header>
      <dl>
        <div>
          <dt>What happened</dt>
          <dd>
            <p>
              {failure.message} <Time iso={failure.at} exact quiet />
            </p>
          </dd>
        </div>
        <div>
          <dt>What is safe</dt>
          <dd>
            <p>{failure.safe}</p>
          </dd>
        </div>
        <div>
          <dt>Who can fix it</dt>
          <dd>
            <p>
              <strong>{failure.who === 'researcher' ? researcherOf(view) : people[failure.who]}</strong>
            </p>
          </dd>
        </div>
        <div className="todo">
          <dt>What to do</dt>
          <dd>
            <p>{failure.remedy}</p>
            {failure.step === 'import' && <LastOrder view={view} />}
            {failure.repeatable && <GoOn view={view} step={failure.step} />}
          </dd>
        </div>
      </dl>
    </section>
  );
}

/** The way to the importer's log, for administrators. */
function LastOrder({ view }: { view: SeenRun }): React.ReactElement | null {
  const uuid = view.orders.at(-1)?.uuid;
  return uuid === undefined ? null : (
    <p>
      <OrderLink uuid={uuid} text="The order and the log of its import" />
    </p>
  );
}

/** Opens the run again from the step that failed; for those who may. */
function GoOn({ view, step }: { view: SeenRun; step: string }): React.ReactElement {
  const [state, setState] = useState<'ready' | 'busy' | { refused: string }>('ready');
  if (!view.mayChange)
    return <p className="then">Then {view.user}, a leader of the group or an administrator can retry from here.</p>;
  // What is there stays as it is: only these are asked for again.
  const missing =
    view.imagesFound > 0 ? view.results.filter((r) => r.import === 'failed' || r.import === 'waiting').length : 0;
  const retry = async (): Promise<void> => {
    setState('busy');
    try {
      await postJson(`/api/runs/${view.id}/retry`, {});
    } catch (error) {
      setState({ refused: refusalText(error) });
    }
  };
  return (
    <>
      <p className="then">Then go on with what is missing; nothing is imported twice.</p>
      <p className="actions">
        <button
          className="button primary"
          type="button"
          aria-busy={state === 'busy'}
          onClick={() => state !== 'busy' && void retry()}
        >
          {missing > 0 ? `Retry the ${numberText(missing, 'missing image')}` : `Retry from the step ${step}`}
        </button>
      </p>
      <p role="alert" className="error">
        {typeof state === 'object' && (
          <>
            <Icon name="fail" />
            <span>{state.refused}</span>
          </>
        )}
      </p>
    </>
  );
}
