import type { FailureView } from '../../src/runs/view.ts';
import { Copyable } from './copy.tsx';
import { Icon } from './icon.tsx';

const people = {
  researcher: 'You',
  admin: 'The facility admin',
  it: "The site's IT",
  developer: 'The developers of biomero-bridge',
} as const;

/** What happened, what is safe, who can do what about it. */
export function FailureCard(props: { failure: FailureView; run: string; archived: boolean }): React.ReactElement {
  const { failure } = props;
  return (
    <section className="panel failure" aria-labelledby="failure-title">
      <h2 id="failure-title">
        <span className="fail">
          <Icon name="fail" />
        </span>{' '}
        Step {failure.step} failed
      </h2>
      <dl className="pairs">
        <dt>What happened</dt>
        <dd>
          {failure.message} <small>{failure.code}</small>
        </dd>
        <dt>What is safe</dt>
        <dd>{failure.safe}</dd>
        <dt>What to do</dt>
        <dd>{failure.remedy}</dd>
        <dt>Who can do it</dt>
        <dd>{people[failure.who]}</dd>
        {failure.step !== 'submit' && failure.step !== 'follow' && (
          <>
            <dt>Then go on</dt>
            <dd>
              <Copyable text={`biomero-bridge retry ${props.run}`} what="command" />
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}
