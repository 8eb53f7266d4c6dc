import { expect, test } from 'vitest';
import { clientPathOf } from './client-path.ts';

// Recorded from OMERO's own transformer, but for the last two, which follow its rules.
test.each([
  ['/data/x/image.tif', 'data/x/image.tif'],
  ['/a:b*c?d.tif', 'a;bxc%d.tif'],
  ['/a|b\\c.tif', 'a!b!c.tif'],
  ['/<a>"b".tif', "[a]'b'.tif"],
  ['/con/aux.tif', 'con_/_aux.tif'],
  ['/$x', '_$x'],
  ['/µ ä (1) [2].tif', 'µ ä (1) [2].tif'],
  ['/a//b/', 'a/b'],
  ['/a\tb/console/com10', 'a_b/console/com10'],
])('%s is stored as %s', (path, stored) => {
  expect(clientPathOf(path)).toBe(stored);
});
