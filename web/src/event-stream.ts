/**
 * An event stream that comes back by itself. The browser retries a broken connection, but gives up for good after a
 * refusal, and does not notice a line that is open and silent: both are retried here. Every reconnect begins with a
 * snapshot from the server, so nothing has to be asked for again.
 */

/** The server pings every 15 s; after this long a silent line is a dead one. */
const silenceMs = 40_000;
const firstRetryMs = 1_000;
const longestRetryMs = 15_000;

/** The part of `EventSource` that is used. */
export interface EventSourceLike {
  readonly readyState: number;
  addEventListener(type: string, listener: (event: { data?: string }) => void): void;
  close(): void;
}

export interface StreamHandlers {
  /** By the name of the event. */
  events: Record<string, (data: string) => void>;
  /** The first word of the server, and every later one. */
  onHeard?(): void;
  /** The time since which nothing arrives, or null when the connection stands. */
  onLost(since: number | null): void;
  /** The server refused: perhaps the sign-in has ended. */
  onRefused(): void;
}

const closed = 2;

/** Opens the stream; returns how to end it. */
export function openStream(connect: () => EventSourceLike, handlers: StreamHandlers): () => void {
  let source: EventSourceLike | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let watch: ReturnType<typeof setTimeout> | undefined;
  let retryMs = firstRetryMs;
  let lostSince: number | null = null;
  let ended = false;

  const lost = (): void => {
    if (lostSince !== null) return;
    lostSince = Date.now();
    handlers.onLost(lostSince);
  };
  const heard = (): void => {
    clearTimeout(watch);
    watch = setTimeout(() => again(0), silenceMs);
    retryMs = firstRetryMs;
    handlers.onHeard?.();
    if (lostSince === null) return;
    lostSince = null;
    handlers.onLost(null);
  };
  const again = (ms: number): void => {
    lost();
    source?.close();
    clearTimeout(watch);
    clearTimeout(retry);
    retry = setTimeout(open, ms);
  };
  const open = (): void => {
    if (ended) return;
    const own = connect();
    source = own;
    watch = setTimeout(() => again(0), silenceMs);
    // What a stream that was given up still delivers is not listened to.
    const listen = (type: string, listener: (event: { data?: string }) => void): void =>
      own.addEventListener(type, (event) => {
        if (!ended && source === own) listener(event);
      });
    listen('open', heard);
    listen('ping', heard);
    listen('error', () => {
      lost();
      if (own.readyState !== closed) return;
      handlers.onRefused();
      again(retryMs);
      retryMs = Math.min(longestRetryMs, retryMs * 2);
    });
    for (const [type, handle] of Object.entries(handlers.events))
      listen(type, (event) => {
        heard();
        handle(event.data ?? '');
      });
  };
  open();
  return () => {
    ended = true;
    clearTimeout(retry);
    clearTimeout(watch);
    source?.close();
  };
}
