import { expect, test } from 'vitest';
import { isSupported } from './version.ts';

test.each([
  ['5.6.14-ice36', true],
  ['5.4.0', true],
  ['5.10.1', true],
  ['6.0', true],
  ['5.3.5-ice36-b73', false],
  ['4.4.12', false],
  ['dev', null],
  ['', null],
])('%j: %s', (version, supported) => {
  expect(isSupported(version)).toBe(supported);
});
