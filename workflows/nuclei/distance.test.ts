import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { distanceInside } from './distance.ts';

it('is the distance to the nearest pixel outside, as trying all of them finds it', () => {
  const masks = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 })).chain(([width, height]) =>
    fc
      .array(fc.boolean(), { minLength: width * height, maxLength: width * height })
      .filter((bits) => bits.includes(false))
      .map((bits) => ({ width, height, data: Uint8Array.from(bits, Number) })),
  );
  fc.assert(
    fc.property(masks, (mask) => {
      const found = distanceInside(mask);
      mask.data.forEach((_, i) => {
        let nearest = Infinity;
        mask.data.forEach((inside, j) => {
          const [dx, dy] = [
            (i % mask.width) - (j % mask.width),
            Math.floor(i / mask.width) - Math.floor(j / mask.width),
          ];
          if (!inside) nearest = Math.min(nearest, Math.hypot(dx, dy));
        });
        expect(found[i]).toBeCloseTo(nearest, 4);
      });
    }),
  );
});

it('stays finite when everything is inside', () => {
  const found = distanceInside({ width: 4, height: 3, data: new Uint8Array(12).fill(1) });
  expect(found.every((d) => Number.isFinite(d) && d > 4)).toBe(true);
});
