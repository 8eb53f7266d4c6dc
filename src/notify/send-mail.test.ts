import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterEach, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { testCertificate, testKey } from '../../test/support/test-certificate.ts';
import { testMessage } from './message.ts';
import { sendMail } from './send-mail.ts';

/** What a server got: whether the line was encrypted then, and who had signed in. */
interface Got {
  secure: boolean;
  user: unknown;
}

let close = async (): Promise<void> => {};
afterEach(() => close());

async function mailServer(options: SMTPServerOptions): Promise<{ port: number; got: Got[]; passwords: string[] }> {
  const got: Got[] = [];
  const passwords: string[] = [];
  const server = new SMTPServer({
    ...{ key: testKey, cert: testCertificate, authOptional: true },
    onAuth: (auth, _, done) => {
      passwords.push(auth.password ?? '');
      done(null, { user: auth.username });
    },
    onData: (stream, session, done) => {
      stream.resume().on('end', () => {
        got.push({ secure: session.secure, user: session.user });
        done();
      });
    },
    ...options,
  });
  // A client that refuses the certificate hangs up.
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  close = () => new Promise((resolve) => server.close(() => resolve()));
  return { port: (server.server.address() as AddressInfo).port, got, passwords };
}

const siteAuthority = async (text = testCertificate): Promise<string> => {
  const path = join(await temporaryFolder('mail'), 'site.pem');
  await writeFile(path, text);
  return path;
};

const send = (server: string, caFile: string | null): Promise<void> =>
  sendMail({ server, caFile, from: 'bridge@example.org', to: ['admin@example.org'] }, testMessage('1'));

test.each([
  ['STARTTLS', 'smtp', {}],
  ['TLS from the start', 'smtps', { secure: true }],
])('%s with an authority of the site: mail and password go over an encrypted line', async (_, scheme, options) => {
  const { port, got, passwords } = await mailServer(options);
  await send(`${scheme}://bridge:geheim%40@localhost:${port}`, await siteAuthority());
  expect(got).toEqual([{ secure: true, user: 'bridge' }]);
  expect(passwords).toEqual(['geheim@']);
});

test.each([
  ['STARTTLS', 'smtp', {}],
  ['TLS from the start', 'smtps', { secure: true }],
])(
  '%s with a certificate that nobody trusts: named, with what to do, and no password is sent',
  async (_, scheme, o) => {
    const { port, got, passwords } = await mailServer(o);
    const sent = send(`${scheme}://bridge:geheim@localhost:${port}`, null);
    await expect(sent).rejects.toMatchObject({
      code: 'MAIL_CERTIFICATE_REFUSED',
      message: expect.stringContaining(`mail server localhost:${port} does not do: the certificate is self-signed.`),
      remedy: expect.stringContaining('BIOMERO_BRIDGE_SMTP_CA_FILE'),
    });
    await expect(sent).rejects.not.toThrow(/geheim/);
    expect([got, passwords]).toEqual([[], []]);
  },
);

test('a certificate of another name is refused, whoever signed it', async () => {
  const { port, passwords } = await mailServer({});
  await expect(send(`smtp://bridge:geheim@127.0.0.1:${port}`, await siteAuthority())).rejects.toMatchObject({
    code: 'MAIL_CERTIFICATE_REFUSED',
    message: expect.stringMatching(/127\.0\.0\.1.*altnames/),
  });
  expect(passwords).toEqual([]);
});

test('a server without encryption gets no password', async () => {
  const { port, passwords } = await mailServer({ disabledCommands: ['STARTTLS'] });
  await expect(send(`smtp://bridge:geheim@localhost:${port}`, await siteAuthority())).rejects.toMatchObject({
    code: 'NOTIFICATION_NOT_SENT',
  });
  expect(passwords).toEqual([]);
});

test('a file of authorities that is not there is named', async () => {
  const { port } = await mailServer({});
  await expect(send(`smtp://localhost:${port}`, '/nowhere/site.pem')).rejects.toMatchObject({
    code: 'MAIL_CA_FILE_UNREADABLE',
    message: expect.stringContaining('/nowhere/site.pem'),
  });
});
