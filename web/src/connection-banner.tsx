import { Icon } from './icon.tsx';
import { useClock, type Connection } from './live.ts';
import { clockText, durationText } from './words.ts';

/** Says since when the page has not heard from the server. */
export function ConnectionBanner({ connection }: { connection: Connection }): React.ReactElement | null {
  const now = useClock(connection.lostAt !== null, 5_000);
  if (connection.lostAt === null) return null;
  const since = clockText(new Date(connection.lostAt).toISOString());
  return (
    <div className="banner warn">
      <Icon name="unknown" />
      <span>
        <strong role="status">Connection lost at {since}.</strong> What you see is from then,{' '}
        {durationText(now - connection.lostAt)} ago. Runs go on without this page; it catches up when the connection is
        back.
      </span>
    </div>
  );
}
