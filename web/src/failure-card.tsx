import type { FailureView } from '../../src/runs/view.ts';
import { Copyable } from './copy.tsx';
import { Icon } from './icon.tsx';
import { Time } from './time.tsx';

const people: Record<FailureView['who'], string> = {
  researcher: 'You',
  admin: 'An admin of this service',
  it: 'IT',
  developer: 'The developers of biomero-bridge',
};

/** What happened, what is safe, who can do what about it. */
export function FailureCard(props: { failure: FailureView; run: string; archived: boolean }): React.ReactElement {
  const { failure } = props;
  return (
    <section className={`panel failure${props.archived ? '' : ' is-fail'}`} aria-labelledby="failure-title">
      <header>
        <Icon name={props.archived ? 'warn' : 'fail'} />
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
              <strong>{people[failure.who]}</strong>
            </p>
          </dd>
        </div>
        <div className="todo">
          <dt>What to do</dt>
          <dd>
            <p>{failure.remedy}</p>
            {props.archived && (
              <>
                <p className="then">Then go on with what is missing; nothing is imported twice:</p>
                <Copyable text={`biomero-bridge retry ${props.run}`} what="command" />
              </>
            )}
          </dd>
        </div>
      </dl>
    </section>
  );
}
