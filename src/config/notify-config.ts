import type { NotifyConfig } from './config.ts';
import { mailAddress, mailAddresses, path, smtpAddress, token, webAddress, type Take, type Values } from './values.ts';

/** A way of which a part is missing is off, and that is told. */
export function notifyOf(take: Take, values: Values): NotifyConfig {
  const server = take<string | null>('notify.mail.server', 'BIOMERO_BRIDGE_SMTP_URL', smtpAddress, null);
  const caFile = take<string | null>('notify.mail.caFile', 'BIOMERO_BRIDGE_SMTP_CA_FILE', path, null);
  const from = take<string | null>('notify.mail.from', 'BIOMERO_BRIDGE_MAIL_FROM', mailAddress, null);
  const to = take<readonly string[]>('notify.mail.to', 'BIOMERO_BRIDGE_MAIL_TO', mailAddresses, []);
  const url = take<string | null>('notify.webhook.url', 'BIOMERO_BRIDGE_WEBHOOK_URL', webAddress, null);
  const secret = take<string | null>('notify.webhook.secret', 'BIOMERO_BRIDGE_WEBHOOK_SECRET', token, null);
  if (server !== null && (from === null || to.length === 0))
    values.notes.push(
      'BIOMERO_BRIDGE_SMTP_URL is set, but no mail is sent without BIOMERO_BRIDGE_MAIL_FROM and BIOMERO_BRIDGE_MAIL_TO.',
    );
  if (url !== null && secret === null)
    values.notes.push(
      'BIOMERO_BRIDGE_WEBHOOK_URL is set, but nothing is sent there without BIOMERO_BRIDGE_WEBHOOK_SECRET.',
    );
  return {
    mail: server !== null && from !== null && to.length > 0 ? { server, caFile, from, to } : null,
    webhook: url !== null && secret !== null ? { url, secret } : null,
  };
}
