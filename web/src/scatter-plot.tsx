import { figure } from './chart.ts';

/** Two columns against each other, one dot a row. */
export function ScatterPlot(props: { points: readonly number[][]; x: string; y: string }): React.ReactElement | null {
  const xs = rangeOf(props.points, 0);
  const ys = rangeOf(props.points, 1);
  if (!xs || !ys) return null;
  const place = (value: number, { min, max }: Range, length: number): number =>
    max > min ? ((value - min) / (max - min)) * length : length / 2;
  return (
    <svg viewBox="0 -14 300 250" role="img" aria-label={`${props.y} against ${props.x}: ${props.points.length} rows`}>
      <path
        className="dots"
        d={props.points
          .map(([x = 0, y = 0]) => `M${place(x, xs, 300).toFixed(1)} ${(210 - place(y, ys, 210)).toFixed(1)}h0`)
          .join('')}
      />
      <path className="axis" d="M0 0v210h300" fill="none" />
      <text x="0" y="-4">
        {props.y}, to {figure(ys.max)}
      </text>
      <text x="0" y="224">
        {figure(xs.min)}
      </text>
      <text x="300" y="224" textAnchor="end">
        {props.x}, to {figure(xs.max)}
      </text>
    </svg>
  );
}

interface Range {
  min: number;
  max: number;
}

function rangeOf(points: readonly number[][], index: number): Range | null {
  if (!points.length) return null;
  let [min, max] = [Infinity, -Infinity];
  for (const point of points) {
    const value = point[index] ?? 0;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return { min, max };
}
