import { Client } from 'pg';

export interface ListenOptions {
  /** Ends the listening. */
  signal: AbortSignal;
  /** Told once per outage; listening goes on by itself. */
  onError?: (error: Error) => void;
  /** Told when listening (again): what was notified before is lost, so look at the tables now. */
  onConnect?: () => void;
}

const heartbeatMs = 30_000;
const answerWithinMs = 10_000;
const backoffMs = { first: 100, most: 5_000 };

/**
 * Listens to PostgreSQL notifications on a connection of its own, opened anew with growing pauses when it is lost, also
 * when the other side vanished without a word (a query every 30 s must be answered). Notifications are hints only: they
 * are lost while there is no connection, and poolers drop them.
 */
export function listen(
  databaseUrl: string,
  channels: readonly string[],
  onNotify: (channel: string, payload: string) => void,
  options: ListenOptions,
): void {
  const { signal, onError, onConnect } = options;
  let failures = 0;
  let wait: NodeJS.Timeout | undefined;
  let end: ((error: Error | null) => void) | null = null;
  const stop = (): void => {
    clearTimeout(wait);
    end?.(null);
  };
  if (signal.aborted) return;
  signal.addEventListener('abort', stop, { once: true });
  connect();

  function connect(): void {
    const client = new Client({
      connectionString: databaseUrl,
      application_name: 'biomero-bridge listener',
      connectionTimeoutMillis: answerWithinMs,
      query_timeout: answerWithinMs,
      keepAlive: true,
    });
    let heartbeat: NodeJS.Timeout | undefined;
    const ended = (reason: Error | null): void => {
      if (end !== ended) return;
      end = null;
      clearInterval(heartbeat);
      // A connection that is gone may never say so: do not wait for its end.
      client.end().catch(() => undefined);
      if (signal.aborted) return;
      if (failures++ === 0) onError?.(reason ?? new Error('the connection ended'));
      const pause = Math.min(backoffMs.most, backoffMs.first * 2 ** (failures - 1));
      wait = setTimeout(connect, pause * (0.5 + Math.random() / 2));
      wait.unref();
    };
    end = ended;
    // Errors that come after we are done with this client have nobody else to catch them.
    client.on('error', ended);
    client.on('end', () => ended(null));
    client.on('notification', ({ channel, payload }) => {
      if (end === ended) onNotify(channel, payload ?? '');
    });
    client
      .connect()
      .then(() => client.query(channels.map((channel) => `listen ${client.escapeIdentifier(channel)}`).join(';')))
      .then(() => {
        if (end !== ended) return;
        failures = 0;
        heartbeat = setInterval(() => void client.query('select 1').catch(ended), heartbeatMs);
        heartbeat.unref();
        onConnect?.();
      })
      .catch(ended);
  }
}
