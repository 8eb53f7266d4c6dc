import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { areasOf, fillHoles, keepLarge, labelComponents } from './components.ts';
import type { Mask } from './plane.ts';
import { drawLabels, maskOf } from './testing/draw.ts';

const masks = fc
  .tuple(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 14 }))
  .chain(([width, height]) =>
    fc
      .array(fc.integer({ min: 0, max: 1 }), { minLength: width * height, maxLength: width * height })
      .map((bits): Mask => ({ width, height, data: Uint8Array.from(bits) })),
  );

describe('labelComponents', () => {
  it('numbers areas in reading order', () => {
    expect(drawLabels(labelComponents(maskOf('##..#', '#...#', '..#..'), false))).toEqual(['aa..b', 'a...b', '..c..']);
  });

  it('joins over corners only when told', () => {
    expect(labelComponents(maskOf('#.', '.#'), false).count).toBe(2);
    expect(labelComponents(maskOf('#.', '.#'), true).count).toBe(1);
  });

  it('gives neighbours one label, strangers different ones, and everything inside exactly one', () => {
    fc.assert(
      fc.property(masks, fc.boolean(), (mask, diagonal) => {
        const { width, height, data, count } = labelComponents(mask, diagonal);
        const reached = new Map<number, number>();
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            const label = data[y * width + x]!;
            expect(label > 0).toBe(mask.data[y * width + x] === 1);
            for (const [dx, dy] of diagonal
              ? [
                  [1, 0],
                  [0, 1],
                  [1, 1],
                  [-1, 1],
                ]
              : [
                  [1, 0],
                  [0, 1],
                ]) {
              const [nx, ny] = [x + dx!, y + dy!];
              if (nx < 0 || nx >= width || ny >= height || !label || !data[ny * width + nx]) continue;
              expect(data[ny * width + nx]).toBe(label);
            }
            if (label && !reached.has(label)) reached.set(label, y * width + x);
          }
        }
        expect(reached.size).toBe(count);
        // Each label is one area: walking from its first pixel meets all of its pixels.
        for (const [label, start] of reached) {
          const seen = new Set([start]);
          for (const at of seen) {
            const [x, y] = [at % width, Math.floor(at / width)];
            for (let dy = -1; dy <= 1; dy++)
              for (let dx = -1; dx <= 1; dx++) {
                const [nx, ny] = [x + dx, y + dy];
                if (nx < 0 || ny < 0 || nx >= width || ny >= height || (!diagonal && dx && dy)) continue;
                if (data[ny * width + nx] === label) seen.add(ny * width + nx);
              }
          }
          expect(seen.size).toBe(data.filter((l) => l === label).length);
        }
      }),
    );
  });
});

describe('fillHoles', () => {
  it('fills what is enclosed, not what reaches the border', () => {
    const filled = fillHoles(maskOf('#####', '#...#', '###.#', '#..##', '#.###'), 100);
    expect([...filled.data].join('')).toBe('1111111111111111001110111');
  });

  it('leaves holes larger than the limit', () => {
    const mask = maskOf('####', '#..#', '####');
    expect(fillHoles(mask, 1).data).toEqual(mask.data);
    expect(fillHoles(mask, 2).data.every((v) => v === 1)).toBe(true);
  });
});

describe('keepLarge', () => {
  it('drops small labels and numbers the rest without gaps', () => {
    fc.assert(
      fc.property(masks, fc.integer({ min: 1, max: 6 }), (mask, least) => {
        const labels = labelComponents(mask, true);
        const kept = keepLarge(labels, least);
        const before = areasOf(labels).slice(1);
        const after = areasOf(kept).slice(1);
        expect([...after]).toEqual([...before].filter((n) => n >= least));
      }),
    );
  });
});
