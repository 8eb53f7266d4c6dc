import { BadStore } from './zarr-node.ts';

/** OMERO's pixel types that a zarr array can have. */
export type PixelsType = 'int8' | 'int16' | 'int32' | 'uint8' | 'uint16' | 'uint32' | 'float' | 'double' | 'complex';

const byZarrName: Readonly<Record<string, PixelsType>> = {
  int8: 'int8',
  int16: 'int16',
  int32: 'int32',
  uint8: 'uint8',
  uint16: 'uint16',
  uint32: 'uint32',
  float32: 'float',
  float64: 'double',
  complex64: 'complex',
  // Format 2, without the byte order.
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  f4: 'float',
  f8: 'double',
  c8: 'complex',
};

const bits: Readonly<Record<PixelsType, number>> = {
  int8: 8,
  int16: 16,
  int32: 32,
  uint8: 8,
  uint16: 16,
  uint32: 32,
  float: 32,
  double: 64,
  complex: 64,
};

/** @throws BadStore for a type that OMERO does not have: it would show noise */
export function pixelsTypeOf(dataType: string): PixelsType {
  const type = byZarrName[dataType.replace(/^[<>|=]/, '')];
  if (type) return type;
  throw new BadStore(`its pixels are of type ${dataType.slice(0, 40)}, which OMERO does not have; convert them`);
}

export function bitsOf(type: PixelsType): number {
  return bits[type];
}

/** Least and greatest value of the type. */
export function rangeOf(type: PixelsType): readonly [number, number] {
  if (type === 'float') return [-3.4028234663852886e38, 3.4028234663852886e38];
  if (type === 'double' || type === 'complex') return [-Number.MAX_VALUE, Number.MAX_VALUE];
  const size = 2 ** bits[type];
  return type.startsWith('u') ? [0, size - 1] : [-size / 2, size / 2 - 1];
}
