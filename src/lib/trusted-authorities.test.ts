import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { testCertificate } from '../../test/support/test-certificate.ts';
import { trustedAuthorities } from './trusted-authorities.ts';

test("the system's authorities come beside those of Node.js, which stand alone where the system has none", async () => {
  const bundle = join(await temporaryFolder('authorities'), 'bundle.crt');
  await writeFile(bundle, testCertificate);
  expect(trustedAuthorities(['/nowhere/bundle.crt', bundle])).toEqual([...rootCertificates, testCertificate]);
  expect(trustedAuthorities(['/nowhere/bundle.crt'])).toEqual(rootCertificates);
});
