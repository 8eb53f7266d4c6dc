import { OmeroSession } from '../session.ts';
import type { Check } from './check.ts';

const encryption = {
  verify: 'encrypted, certificate verified',
  'self-signed': 'encrypted, any certificate accepted',
  anonymous: 'encrypted, without a certificate',
} as const;

export const checkSignIn: Check = {
  id: 'sign-in',
  title: 'Sign in',
  needs: [],
  async run(site) {
    const { omero } = site.config;
    const session = await OmeroSession.signIn(omero);
    site.cleanup.add('the session of the check', () => session.close());
    site.made.admin = session;
    const pinned = omero.fingerprint && omero.tls !== 'anonymous';
    const encrypted = pinned ? 'encrypted, the certificate is the pinned one' : encryption[omero.tls];
    const how = omero.transport === 'tcp' ? 'not encrypted' : encrypted;
    const detail = `As ${session.context.userName}, ${how}.`;
    if (omero.transport === 'ssl') return { outcome: 'passed', detail };
    const local = ['localhost', '127.0.0.1', '::1', '[::1]'].includes(omero.host);
    if (local) return { outcome: 'passed', detail };
    const remedy =
      'Leave tcp:// out of OMERO_HOST and use the encrypted port, 4064 as a rule: the password is readable on the way.';
    return { outcome: 'warning', detail, remedy };
  },
};
