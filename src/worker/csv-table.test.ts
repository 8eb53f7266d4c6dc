import { expect, test } from 'vitest';
import { csvColumns } from './csv-table.ts';

test('columns are whole numbers, numbers, true and false, or text', () => {
  const text = '\uFEFFid,area,round,name,label\r\n1,1.5,true,"a, b",7\r\n2,,False,NA,x\r\n-3,1e3,TRUE,"",inf\r\n';
  expect(csvColumns(text)).toEqual([
    { kind: 'Long', name: 'id', values: [1, 2, -3] },
    { kind: 'Double', name: 'area', values: [1.5, Number.NaN, 1000] },
    { kind: 'Bool', name: 'round', values: [true, false, true] },
    { kind: 'String', name: 'name', values: ['a, b', 'NA', ''] },
    { kind: 'String', name: 'label', values: ['7', 'x', 'inf'] },
  ]);
});

test('numbers beyond what a double holds exactly stay text, and infinity is a number', () => {
  expect(csvColumns('a,b\n12345678901234567890,inf\n1,-Infinity\n2,0.5\n').map((c) => [c.kind, c.values[1]])).toEqual([
    ['String', '1'],
    ['Double', -Infinity],
  ]);
});

test('columns without a name or with the same one get one of their own', () => {
  expect(csvColumns('a,a, ,\n1,2,3,4\n').map((c) => c.name)).toEqual(['a', 'a 2', 'column 3', 'column 4']);
  expect(csvColumns('only,a,head\n').map((c) => c.kind)).toEqual(['String', 'String', 'String']);
});

test('what is no table is refused with the reason', () => {
  expect(() => csvColumns('')).toThrow('it is empty');
  expect(() => csvColumns('a,b\n1\n')).toThrow(/Invalid Record Length/);
});
