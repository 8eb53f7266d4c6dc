import { readFileSync } from 'node:fs';
import { packageFile } from './package-root.ts';

/** Version of this package, as in package.json. */
export const productVersion: string = (
  JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }
).version;
