import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { measurementLines, measurementsHead } from './measurements-csv.ts';
import { measure } from './measure.ts';

describe('measure', () => {
  it('gives middle, area, brightness and shape of every label', () => {
    const labels = {
      width: 6,
      height: 3,
      count: 2,
      data: Int32Array.of(1, 1, 0, 2, 2, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    };
    const plane = { width: 6, height: 3, data: Float32Array.from({ length: 18 }, (_, i) => i) };
    const [square, bar] = measure(plane, labels);
    expect(square).toEqual({ label: 1, centroidX: 0.5, centroidY: 0.5, area: 4, meanIntensity: 3.5, eccentricity: 0 });
    expect(bar).toMatchObject({ label: 2, centroidX: 4, centroidY: 0, area: 3, meanIntensity: 4 });
    // A bar of 3 x 1: moments 9/12 and 1/12.
    expect(bar?.eccentricity).toBeCloseTo(Math.sqrt(8 / 9), 6);
  });

  it('has nothing to say of an empty plane', () => {
    expect(
      measure(
        { width: 1, height: 1, data: new Float32Array(1) },
        { width: 1, height: 1, count: 0, data: new Int32Array(1) },
      ),
    ).toEqual([]);
  });
});

describe('measurements.csv', () => {
  const one = { label: 1, centroidX: 1.234, centroidY: 5, area: 100, meanIntensity: 7.5, eccentricity: 0.5 };

  it('survives any file name and disarms those that a spreadsheet would run', () => {
    for (const name of [
      'a.tif',
      'a,"b".tif',
      'line\nbreak.tif',
      '=cmd()|x.tif',
      '+1.tif',
      '-1.tif',
      '@x.tif',
      'é\u{1f9eb}.tif',
    ]) {
      const text = measurementsHead + measurementLines(name, [one], { x: 0.5, y: 0.5 });
      const [row, ...rest] = parse(text, { columns: true }) as Record<string, string>[];
      expect(rest).toEqual([]);
      expect(row?.['image']).toBe(/^[=+@-]/.test(name) ? `'${name}` : name);
      expect(row).toMatchObject({
        label: '1',
        centroid_x_px: '1.23',
        area_px: '100',
        area_um2: '25',
        eccentricity: '0.5000',
      });
    }
  });

  it('leaves the real area empty when the scale is unknown', () => {
    const [row] = parse(measurementsHead + measurementLines('a.tif', [one], null), { columns: true }) as Record<
      string,
      string
    >[];
    expect(row?.['area_um2']).toBe('');
  });

  it('ends its lines as RFC 4180 says', () => {
    expect(measurementsHead.endsWith('eccentricity\r\n')).toBe(true);
  });
});
