import fc from 'fast-check';
import { expect, test } from 'vitest';
import { outlines } from './outline.ts';

const areaOf = (polygon: readonly (readonly [number, number])[]): number =>
  polygon.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = polygon[(i + 1) % polygon.length] ?? [0, 0];
    return sum + (x * nextY - nextX * y) / 2;
  }, 0);

/** Whether a point lies inside, by the rule of even and odd crossings. */
const holds = (polygon: readonly (readonly [number, number])[], px: number, py: number): boolean =>
  polygon.filter(([x, y], i) => {
    const [nextX, nextY] = polygon[(i + 1) % polygon.length] ?? [0, 0];
    return y > py !== nextY > py && px < x + ((py - y) / (nextY - y)) * (nextX - x);
  }).length %
    2 ===
  1;

const of = (rows: readonly string[]) => outlines(rows[0]?.length ?? 0, rows.length, (x, y) => rows[y]?.[x] === '#');

function pieces(width: number, pixels: readonly boolean[]): number {
  const left = new Set(pixels.flatMap((inside, i) => (inside ? [i] : [])));
  let count = 0;
  for (const first of left) {
    count++;
    const stack = [first];
    for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
      if (!left.delete(i)) continue;
      stack.push(i - width, i + width);
      if (i % width > 0) stack.push(i - 1);
      if (i % width < width - 1) stack.push(i + 1);
    }
  }
  return count;
}

test('a pixel is a square, and only corners are named', () => {
  const sorted = (points: readonly (readonly [number, number])[]) => points.map((p) => p.join()).sort();
  expect(of(['#']).map(sorted)).toEqual([['0,0', '0,1', '1,0', '1,1']]);
  expect(of(['   ', ' ##']).map(sorted)).toEqual([['1,1', '1,2', '3,1', '3,2']]);
  expect(of(['   '])).toEqual([]);
});

test('pixels that touch at a corner are two polygons, holes that do are joined to one', () => {
  expect(of(['# ', ' #'])).toHaveLength(2);
  const [ring, ...more] = of(['####', '# ##', '## #', '####']);
  expect(more).toEqual([]);
  expect(areaOf(ring ?? [])).toBe(14);
});

test('whatever the pixels are, polygons hold them all and nothing else', () => {
  const picture = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })).chain(([width, height]) =>
    fc.record({
      width: fc.constant(width),
      pixels: fc.array(fc.oneof(fc.boolean(), fc.constant(true)), {
        minLength: width * height,
        maxLength: width * height,
      }),
    }),
  );
  fc.assert(
    fc.property(picture, ({ width, pixels }) => {
      const found = outlines(width, pixels.length / width, (x, y) => pixels[y * width + x] ?? false);
      expect(found.reduce((sum, polygon) => sum + areaOf(polygon), 0)).toBe(pixels.filter(Boolean).length);
      expect(found).toHaveLength(pieces(width, pixels));
      const filled = pixels.map((_, i) =>
        found.some((polygon) => holds(polygon, (i % width) + 0.5, Math.floor(i / width) + 0.5)),
      );
      expect(filled).toEqual(pixels);
    }),
    { numRuns: 2_000 },
  );
});
