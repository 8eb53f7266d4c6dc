import { createHmac } from 'node:crypto';
import type { WebhookConfig } from '../config/config.ts';
import { bridgeError, describeError } from '../domain/errors.ts';
import { subjectOf, type Message } from './message.ts';

/** `t=<seconds>,v1=<hex>`: HMAC-SHA256 over `<seconds>.<body>`, so that an old message cannot be played again. */
export function signatureOf(secret: string, seconds: number, body: string): string {
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}

/** Any answer of 2xx is good. @throws NOTIFICATION_NOT_SENT */
export async function sendWebhook(config: WebhookConfig, message: Message): Promise<void> {
  const body = JSON.stringify({ ...message, text: subjectOf(message) });
  const refused = (reason: string, cause?: unknown): Error =>
    bridgeError('NOTIFICATION_NOT_SENT', { way: 'webhook', reason }, { cause });
  let response: Response;
  try {
    response = await fetch(config.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'biomero-bridge',
        'x-biomero-bridge-delivery': message.id,
        'x-biomero-bridge-signature': signatureOf(config.secret, Math.floor(Date.now() / 1000), body),
      },
      body,
      // Whoever answers there is who was configured.
      redirect: 'error',
      signal: AbortSignal.timeout(20_000),
    });
  } catch (error) {
    throw refused(describeError(error), error);
  }
  await response.body?.cancel();
  if (!response.ok) throw refused(`it answers ${response.status}`);
}
