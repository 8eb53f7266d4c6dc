import { readFile } from 'node:fs/promises';
import { createTransport } from 'nodemailer';
import type { MailConfig } from '../config/config.ts';
import { bridgeError, describeError } from '../domain/errors.ts';
import { certificateVerdicts } from '../lib/certificate-verdicts.ts';
import { trustedAuthorities } from '../lib/trusted-authorities.ts';
import { subjectOf, textOf, type Message } from './message.ts';

/** Login names that can stand in an address as they are. */
const plainName = /^[\w][\w.+-]{0,63}$/;

/** The addresses of a message: `{user}` stands for who started the run; names that cannot stand in an address get none. */
export function recipientsOf(to: readonly string[], user: string | null): string[] {
  return to.flatMap((address) => {
    if (!address.includes('{user}')) return [address];
    return user !== null && plainName.test(user) ? [address.replaceAll('{user}', user)] : [];
  });
}

/**
 * Certificates are held against the system's authorities, or those of the file that is configured.
 *
 * @throws MAIL_CERTIFICATE_REFUSED, MAIL_CA_FILE_UNREADABLE
 * @throws NOTIFICATION_NOT_SENT, also where nobody could be written to
 */
export async function sendMail(config: MailConfig, message: Message): Promise<void> {
  const to = recipientsOf(config.to, message.run?.user ?? null);
  const refused = (reason: string, cause?: unknown): Error =>
    bridgeError('NOTIFICATION_NOT_SENT', { way: 'mail', reason }, { cause });
  if (to.length === 0) throw refused('no address can be made for this user');
  const url = new URL(config.server);
  const transport = createTransport({
    host: url.hostname,
    port: Number(url.port) || (url.protocol === 'smtps:' ? 465 : 587),
    secure: url.protocol === 'smtps:',
    // A password never goes over an open line.
    requireTLS: url.protocol === 'smtp:' && url.username !== '',
    ...(url.username
      ? { auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } }
      : {}),
    tls: { ca: await authoritiesOf(config) },
    connectionTimeout: 20_000,
    greetingTimeout: 20_000,
    socketTimeout: 30_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    await transport.sendMail({
      from: config.from,
      to,
      subject: subjectOf(message),
      text: textOf(message),
      // The same at a repeat, so that a mail server or a reader can tell.
      messageId: `<${message.id}@biomero-bridge>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
  } catch (error) {
    const code = String((error as { originalCode?: unknown }).originalCode);
    const verdict = code === 'ERR_TLS_CERT_ALTNAME_INVALID' ? describeError(error) : certificateVerdicts[code];
    if (verdict !== undefined)
      throw bridgeError(
        'MAIL_CERTIFICATE_REFUSED',
        { server: url.host, reason: verdict.replace(/[.:\s]+$/, '') },
        { cause: error },
      );
    throw refused(describeError(error), error);
  } finally {
    transport.close();
  }
}

async function authoritiesOf({ caFile }: MailConfig): Promise<string | string[]> {
  if (caFile === null) return trustedAuthorities();
  try {
    return await readFile(caFile, 'utf8');
  } catch (cause) {
    throw bridgeError('MAIL_CA_FILE_UNREADABLE', { path: caFile, reason: describeError(cause) }, { cause });
  }
}
