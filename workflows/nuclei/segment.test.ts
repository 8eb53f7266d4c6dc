import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/lib/random.ts';
import { areasOf } from './components.ts';
import type { Plane } from './plane.ts';
import { segment, type SegmentOptions } from './segment.ts';
import { disc, flatPlane } from './testing/draw.ts';

const auto: SegmentOptions = { diameter: 0, minArea: 0, threshold: 'otsu' };

function noisy(plane: Plane, deviation: number, seed = 1): Plane {
  const random = seededRandom(seed);
  return { ...plane, data: plane.data.map((v) => v + deviation * random.normal()) };
}

describe('segment', () => {
  it('finds a disc with its true area', () => {
    const plane = flatPlane(100, 80, 10);
    disc(plane, 50, 40, 15, 200);
    const labels = segment(plane, auto);
    expect(labels.count).toBe(1);
    expect(areasOf(labels)[1]! / (Math.PI * 225)).toBeCloseTo(1, 1);
  });

  it('splits two touching discs, of one size or not', () => {
    const same = flatPlane(100, 60, 10);
    disc(same, 35, 30, 14, 200);
    disc(same, 61, 30, 14, 200);
    expect(segment(same, auto).count).toBe(2);
    const unequal = flatPlane(100, 60, 10);
    disc(unequal, 35, 30, 16, 200);
    disc(unequal, 59, 30, 10, 200);
    expect(segment(unequal, auto).count).toBe(2);
  });

  it('leaves one long ellipse whole', () => {
    const plane = flatPlane(120, 60, 10);
    for (let y = 0; y < 60; y++)
      for (let x = 0; x < 120; x++) if (((x - 60) / 30) ** 2 + ((y - 30) / 14) ** 2 <= 1) plane.data[y * 120 + x] = 200;
    expect(segment(noisy(plane, 6), auto).count).toBe(1);
  });

  it('takes a ring for one nucleus and fills it', () => {
    const plane = flatPlane(100, 100, 10);
    disc(plane, 50, 50, 20, 200);
    disc(plane, 50, 50, 9, 10);
    const labels = segment(plane, auto);
    expect(labels.count).toBe(1);
    expect(labels.data[50 * 100 + 50]).toBe(1);
  });

  it('does not fill background that nuclei enclose', () => {
    const plane = flatPlane(160, 160, 10);
    for (let i = 0; i < 12; i++)
      disc(plane, 80 + 50 * Math.cos((i * Math.PI) / 6), 80 + 50 * Math.sin((i * Math.PI) / 6), 14, 200);
    const labels = segment(plane, auto);
    expect(labels.count).toBe(12);
    expect(labels.data[80 * 160 + 80]).toBe(0);
  });

  it.each([0, 65_535])('finds nothing in an image that is %d everywhere', (value) => {
    expect(segment(flatPlane(50, 50, value), auto).count).toBe(0);
  });

  it('finds nothing in noise, also on an uneven background', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const plane = flatPlane(128, 128, 0);
      plane.data.forEach((_, i) => (plane.data[i] = 300 + (i % 128) + Math.floor(i / 128) / 2));
      expect(segment(noisy(plane, 15, seed), auto).count).toBe(0);
      expect(segment(noisy(flatPlane(128, 128, 300), 15, seed), auto).count).toBe(0);
    }
  });

  it('counts saturated nuclei', () => {
    const plane = flatPlane(200, 60, 500);
    for (const x of [30, 80, 130]) disc(plane, x, 30, 14, 65_535);
    expect(segment(plane, auto).count).toBe(3);
  });

  it('finds a dim nucleus beside one ten times as bright', () => {
    const plane = flatPlane(120, 60, 100);
    disc(plane, 35, 30, 14, 4100);
    disc(plane, 85, 30, 14, 500);
    expect(segment(noisy(plane, 10), auto).count).toBe(2);
  });

  it('drops specks, and takes a smallest area when it is given one', () => {
    const plane = flatPlane(120, 60, 10);
    disc(plane, 35, 30, 14, 200);
    disc(plane, 85, 30, 3, 200);
    expect(segment(plane, auto).count).toBe(1);
    expect(segment(plane, { ...auto, minArea: 10 }).count).toBe(2);
    expect(segment(plane, { ...auto, minArea: 5000 }).count).toBe(0);
  });

  it('takes a fixed threshold', () => {
    const plane = flatPlane(120, 60, 10);
    disc(plane, 35, 30, 14, 200);
    disc(plane, 85, 30, 14, 90);
    expect(segment(plane, { ...auto, threshold: 120 }).count).toBe(1);
    expect(segment(plane, { ...auto, threshold: 50 }).count).toBe(2);
  });

  it.each([
    [1, 1],
    [1, 40],
    [2, 2],
  ])('survives an image of %d x %d', (width, height) => {
    const plane = flatPlane(width, height, 0);
    plane.data[0] = 9;
    expect(segment(plane, auto).count).toBeLessThanOrEqual(1);
  });
});
