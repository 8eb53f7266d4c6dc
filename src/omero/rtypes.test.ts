import { expect, test } from 'vitest';
import { rbool, rdouble, rint, rlist, rlong, rmap, rstring, rtime, unwrap, wrap } from './rtypes.ts';

test('unwrap gives plain values, deeply', () => {
  const list = rlist([rlong(1), null, rlist([rstring('a')]), rmap(new Map([['k', rbool(true)]]))]);
  expect(unwrap(list)).toEqual([1, null, ['a'], new Map([['k', true]])]);
  expect([rint(1), rdouble(0.5), rtime(new Date(7)), null, undefined].map(unwrap)).toEqual([1, 0.5, 7, null, null]);
});

test('wrap makes numbers long and lists lists', () => {
  expect(wrap([1, 2])).toEqual(rlist([rlong(1), rlong(2)]));
  expect(wrap('x')).toEqual(rstring('x'));
  expect(wrap(false)).toEqual(rbool(false));
});
