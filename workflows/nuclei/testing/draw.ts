import type { Labels, Mask, Plane } from '../plane.ts';

/** A plane of one value, to draw on. */
export function flatPlane(width: number, height: number, value: number): Plane {
  return { width, height, data: new Float32Array(width * height).fill(value) };
}

/** Sets the pixels within `radius` of a middle. */
export function disc(plane: Plane, x: number, y: number, radius: number, value: number): void {
  for (let py = 0; py < plane.height; py++)
    for (let px = 0; px < plane.width; px++)
      if ((px - x) ** 2 + (py - y) ** 2 <= radius * radius) plane.data[py * plane.width + px] = value;
}

/** A mask from lines of text in which `#` is inside. */
export function maskOf(...rows: string[]): Mask {
  const text = rows.join('');
  return { width: rows[0]?.length ?? 0, height: rows.length, data: Uint8Array.from(text, (c) => (c === '#' ? 1 : 0)) };
}

/** Labels as lines of text, a letter each and `.` for the background. */
export function drawLabels(labels: Labels): string[] {
  const letters = Array.from(labels.data, (l) => (l ? String.fromCodePoint(96 + l) : '.')).join('');
  return Array.from({ length: labels.height }, (_, y) => letters.slice(y * labels.width, (y + 1) * labels.width));
}
