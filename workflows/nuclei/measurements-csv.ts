import type { Measurement } from './measure.ts';

const header = [
  'image',
  'label',
  'centroid_x_px',
  'centroid_y_px',
  'area_px',
  'area_um2',
  'mean_intensity',
  'eccentricity',
];

/** The head of the table (RFC 4180). */
export const measurementsHead = line(header);

/** One line per measurement; `area_um2` is empty when the scale is unknown. */
export function measurementLines(
  image: string,
  measurements: readonly Measurement[],
  pixelSize: { x: number; y: number } | null,
): string {
  return measurements
    .map((m) =>
      line([
        image,
        String(m.label),
        m.centroidX.toFixed(2),
        m.centroidY.toFixed(2),
        String(m.area),
        pixelSize ? String(Number((m.area * pixelSize.x * pixelSize.y).toPrecision(6))) : '',
        m.meanIntensity.toFixed(2),
        m.eccentricity.toFixed(4),
      ]),
    )
    .join('');
}

function line(fields: readonly string[]): string {
  return `${fields.map(field).join(',')}\r\n`;
}

/** Spreadsheets run a cell that starts like a formula; a leading apostrophe makes it text for them. */
function field(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
