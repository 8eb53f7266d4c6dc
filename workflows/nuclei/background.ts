import type { Plane } from './plane.ts';

const terms = 6;

/**
 * The smooth part of an uneven background: a quadratic surface fitted to the pixels that `isBackground` names. It has
 * too few terms to follow a nucleus, however large, which a filter's window would.
 */
export function fitBackground(plane: Plane, isBackground: (index: number) => boolean): Float32Array {
  const { width, height, data } = plane;
  // Some 40,000 samples fix six numbers far better than the noise needs.
  const step = Math.max(1, Math.floor(Math.sqrt((width * height) / 40_000)));
  const matrix = Array.from({ length: terms }, () => new Float64Array(terms + 1));
  for (let y = 0; y < height; y += step) {
    for (let x = 0; x < width; x += step) {
      const at = y * width + x;
      if (!isBackground(at)) continue;
      const t = termsAt(x / width - 0.5, y / height - 0.5);
      for (let r = 0; r < terms; r++) {
        const row = matrix[r]!;
        for (let c = 0; c < terms; c++) row[c]! += t[r]! * t[c]!;
        row[terms]! += t[r]! * data[at]!;
      }
    }
  }
  const f = solve(matrix) as [number, number, number, number, number, number];
  const surface = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const v = y / height - 0.5;
    // The surface along this row, as one polynomial of u.
    const [c0, c1, c2] = [f[0] + f[2] * v + f[5] * v * v, f[1] + f[4] * v, f[3]];
    for (let x = 0; x < width; x++) {
      const u = x / width - 0.5;
      surface[y * width + x] = c0 + c1 * u + c2 * u * u;
    }
  }
  return surface;
}

function termsAt(u: number, v: number): readonly number[] {
  return [1, u, v, u * u, u * v, v * v];
}

/** Gauss-Jordan with pivots; a term that the samples do not fix becomes 0. */
function solve(matrix: Float64Array[]): number[] {
  const pivotOf = Array.from<number>({ length: terms }).fill(-1);
  let row = 0;
  for (let column = 0; column < terms; column++) {
    let best = row;
    for (let r = row; r < terms; r++) if (Math.abs(matrix[r]![column]!) > Math.abs(matrix[best]![column]!)) best = r;
    const scale = Math.abs(matrix[best]?.[column] ?? 0);
    if (scale < 1e-6) continue;
    [matrix[row], matrix[best]] = [matrix[best]!, matrix[row]!];
    const pivot = matrix[row]!;
    for (let r = 0; r < terms; r++) {
      if (r === row) continue;
      const factor = matrix[r]![column]! / pivot[column]!;
      for (let c = column; c <= terms; c++) matrix[r]![c]! -= factor * pivot[c]!;
    }
    pivotOf[column] = row++;
  }
  return pivotOf.map((r, column) => (r < 0 ? 0 : matrix[r]![terms]! / matrix[r]![column]!));
}
