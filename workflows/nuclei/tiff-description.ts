/** How many planes a file has along each axis, and which axis goes on first from page to page. */
export interface Axes {
  /** `ZCT`: focal planes first, then channels, then time points. */
  order: string;
  z: number;
  c: number;
  t: number;
}

export interface TiffDescription {
  axes: Axes | null;
  pixelSize: { x: number; y: number } | null;
}

const micrometresPer: Readonly<Record<string, number>> = { nm: 1e-3, µm: 1, μm: 1, mm: 1e3, cm: 1e4, m: 1e6 };

/** What OME-XML or ImageJ's lines in a TIFF's description say about planes and scale. Never fails: null is unknown. */
export function describeTiff(text: string): TiffDescription {
  if (/<OME[\s>]/.test(text)) return describeOme(text);
  if (text.startsWith('ImageJ=')) return { axes: imageJAxes(text), pixelSize: null };
  return { axes: null, pixelSize: null };
}

function describeOme(xml: string): TiffDescription {
  const pixels = /<(?:\w+:)?Pixels\s[^<]*?>/.exec(xml)?.[0] ?? '';
  const value = (name: string): string | null =>
    new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(pixels)?.slice(1).find(Boolean) ?? null;
  const count = (name: string): number => Math.max(1, Number(value(name)) || 1);
  const order = /^XY([ZCT]{3})$/.exec(value('DimensionOrder') ?? '')?.[1];
  const size = (axis: 'X' | 'Y'): number => {
    const unit = value(`PhysicalSize${axis}Unit`)?.replace('&#xB5;', 'µ') ?? 'µm';
    return Number(value(`PhysicalSize${axis}`)) * (micrometresPer[unit] ?? NaN);
  };
  const [x, y] = [size('X'), size('Y')];
  return {
    axes:
      order && new Set(order).size === 3 ? { order, z: count('SizeZ'), c: count('SizeC'), t: count('SizeT') } : null,
    pixelSize: x > 0 && y > 0 && Number.isFinite(x * y) ? { x, y } : null,
  };
}

function imageJAxes(text: string): Axes {
  const count = (name: string): number => Number(new RegExp(`^${name}=(\\d+)$`, 'm').exec(text)?.[1] ?? 1);
  return { order: 'CZT', z: count('slices'), c: count('channels'), t: count('frames') };
}
