import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { NotifyConfig } from '../config/config.ts';
import { bridgeError, describeError } from '../domain/errors.ts';
import type { Wakeups } from '../lib/wakeups.ts';
import { readRunView, type ViewSources } from '../runs/read-view.ts';
import { messageOf, testMessage, type Message } from './message.ts';
import { claimNotification, collectNotifications, markFailed, markSent, switchWays, ways, type Way } from './outbox.ts';
import { sendMail } from './send-mail.ts';
import { sendWebhook } from './send-webhook.ts';

/** Without a change that was announced the runs are looked at this often. */
const lookEveryMs = 5_000;

export interface NotifierParts {
  config: NotifyConfig;
  sources: ViewSources;
  /** Address of the web role, for links; null: not known. */
  webUrl: string | null;
  log: Logger;
}

/** The ways that are configured. */
export function waysOf(config: NotifyConfig): Way[] {
  return ways.filter((way) => config[way] !== null);
}

/**
 * Tells of runs that ended or wait for somebody, until the signal aborts. What is to be told is written down first and
 * claimed by one sender, so that several workers tell it once. After a crash between sending and noting it, it is sent
 * again under the same id.
 */
export async function runNotifier(parts: NotifierParts, changes: Wakeups, signal: AbortSignal): Promise<void> {
  const on = waysOf(parts.config);
  if (on.length === 0) return;
  await switchWays(parts.sources.runs, on);
  while (!signal.aborted) {
    try {
      await collectNotifications(parts.sources.runs);
      while (!signal.aborted && (await sendNext(parts)));
    } catch (error) {
      parts.log.warn({ error: describeError(error) }, 'notifications could not be looked at; it is tried again');
    }
    await changes.wait('runs', lookEveryMs, signal);
  }
}

/** Sends one that is due; false when there is none. */
export async function sendNext({ config, sources, webUrl, log }: NotifierParts): Promise<boolean> {
  const due = await claimNotification(sources.runs);
  if (!due) return false;
  const view = await readRunView(sources, due.runId);
  if (!view) return true;
  try {
    await send(config, due.way, messageOf(due.id, due.state, view, webUrl));
    await markSent(sources.runs, due.id);
  } catch (error) {
    log.warn({ run: due.runId, way: due.way, error: describeError(error) }, 'a notification could not be sent');
    await markFailed(sources.runs, due, describeError(error), false);
  }
  return true;
}

/** Sends a test by every way that is configured, and tells what became of each. @throws NOTIFICATIONS_OFF */
export async function sendTest(config: NotifyConfig): Promise<{ way: Way; problem: string | null }[]> {
  const on = waysOf(config);
  if (on.length === 0) throw bridgeError('NOTIFICATIONS_OFF', {});
  return Promise.all(
    on.map(async (way) => ({
      way,
      problem: await send(config, way, testMessage(randomUUID())).then(() => null, describeError),
    })),
  );
}

async function send(config: NotifyConfig, way: Way, message: Message): Promise<void> {
  if (way === 'mail' && config.mail) await sendMail(config.mail, message);
  else if (way === 'webhook' && config.webhook) await sendWebhook(config.webhook, message);
}
