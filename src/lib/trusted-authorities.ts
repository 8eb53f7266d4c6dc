import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';

/** Where systems keep the authorities that their administrator trusts: Debian, Red Hat, SUSE, Alpine and macOS. */
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * PEM texts of the authorities to trust: those that Node.js brings, which is all that it trusts by itself, and those of
 * the system, among them an institution's own.
 */
export function trustedAuthorities(files: readonly string[] = bundles): string[] {
  for (const file of files) {
    try {
      return [...rootCertificates, readFileSync(file, 'utf8')];
    } catch {
      // Another system keeps them elsewhere.
    }
  }
  return [...rootCertificates];
}
