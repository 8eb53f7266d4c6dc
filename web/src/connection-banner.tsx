import { Icon } from './icon.tsx';
import type { Connection } from './live.ts';
import { clockText } from './words.ts';

/** Says since when the page has not heard from the server. */
export function ConnectionBanner({ connection }: { connection: Connection }): React.ReactElement | null {
  if (connection.lostAt === null) return null;
  return (
    <div className="banner warn" role="status">
      <Icon name="warn" />
      <span>
        <strong>Connection lost at {clockText(new Date(connection.lostAt).toISOString())}.</strong> What you see is from
        then. Runs go on without this page; it catches up when it is back.
      </span>
    </div>
  );
}
