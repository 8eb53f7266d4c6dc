import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EntryTable } from './entry-table.ts';

const number = fc.integer({ min: 0, max: 2 ** 33 });
const rows = fc.uniqueArray(
  fc.record({
    path: fc.string({ minLength: 1, unit: 'grapheme' }),
    raw: fc.string({ maxLength: 20 }),
    method: fc.constantFrom(0, 8),
    flags: fc.integer({ min: 0, max: 0xffff }),
    crc: fc.integer({ min: 0, max: 0xffffffff }),
    packed: number,
    bytes: number,
    offset: number,
    mtime: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    ascii: fc.boolean(),
  }),
  { maxLength: 60, selector: (row) => row.offset },
);

test('what goes in comes out, by the places of the data, each with its end and its checksum', () => {
  fc.assert(
    fc.property(rows, (all) => {
      const table = new EntryTable();
      const entries = all.map(({ ascii, ...entry }) => ({
        ...entry,
        // Most names are the same in the zip and here.
        raw: ascii ? Buffer.from(entry.path).toString('latin1') : entry.raw,
      }));
      for (const entry of entries) table.add(entry);
      table.close(2 ** 40);
      const sorted = entries.toSorted((a, b) => a.offset - b.offset);
      const found = [...table.ordered()];
      expect(found.map((f) => f.entry)).toEqual(
        sorted.map((entry, i) => ({ ...entry, end: sorted[i + 1]?.offset ?? 2 ** 40 })),
      );
      const hash = (path: string): string => Buffer.from(path).toString('hex').padEnd(64, '0').slice(0, 64);
      for (const { row, entry } of found) table.setHash(row, hash(entry.path));
      const byPath = (a: { path: string; bytes: number }, b: { path: string; bytes: number }): number =>
        a.path < b.path ? -1 : a.path > b.path ? 1 : a.bytes - b.bytes;
      expect(table.staged().sort(byPath)).toEqual(
        entries.map(({ path, bytes }) => ({ path, bytes, sha256: hash(path) })).sort(byPath),
      );
    }),
  );
});

test('it grows, as far as entries come', () => {
  const table = new EntryTable();
  const [method, flags, crc, packed, bytes, mtime] = [0, 0, 7, 5, 5, 1];
  for (let i = 0; i < 5000; i++)
    table.add({
      path: `chunk.zarr/${i}/${'x'.repeat(i % 50)}`,
      raw: `${i}`,
      method,
      flags,
      crc,
      packed,
      bytes,
      offset: 5000 - i,
      mtime,
    });
  table.close(6000);
  expect(table.length).toBe(5000);
  expect([...table.ordered()].at(-1)?.entry).toMatchObject({
    path: 'chunk.zarr/0/',
    raw: '0',
    offset: 5000,
    end: 6000,
  });
});
