import { Icon } from './icon.tsx';
import { useClock, type Connection } from './live.ts';
import { clockText, durationText } from './words.ts';

/** Says since when the page has not heard from the server. */
export function ConnectionBanner({ connection }: { connection: Connection }): React.ReactElement {
  return <div role="status">{connection.lostAt !== null && <Lost since={connection.lostAt} />}</div>;
}

function Lost({ since }: { since: number }): React.ReactElement {
  const now = useClock(true, 5_000);
  return (
    <div className="banner warn">
      <Icon name="unknown" />
      <span>
        <strong>Connection lost at {clockText(new Date(since).toISOString())}.</strong> What you see is from then,{' '}
        <span aria-live="off">{durationText(now - since)}</span> ago. Runs go on without this page; it catches up when
        the connection is back.
      </span>
    </div>
  );
}
