/** OMERO's nullable value classes (`omero::RLong` and its kin) from and to plain values. */
import type { IceObject } from './ice/values.ts';

export const rlong = (val: number | bigint): IceObject => ({ $type: '::omero::RLong', val });
export const rint = (val: number): IceObject => ({ $type: '::omero::RInt', val });
export const rdouble = (val: number): IceObject => ({ $type: '::omero::RDouble', val });
export const rbool = (val: boolean): IceObject => ({ $type: '::omero::RBool', val });
export const rstring = (val: string): IceObject => ({ $type: '::omero::RString', val });
/** Milliseconds since 1970. */
export const rtime = (val: number | Date): IceObject => ({ $type: '::omero::RTime', val: Number(val) });
export const rlist = (val: readonly (IceObject | null)[]): IceObject => ({ $type: '::omero::RList', val: [...val] });
export const rmap = (val: ReadonlyMap<string, IceObject | null>): IceObject => ({
  $type: '::omero::RMap',
  val: new Map(val),
});

const collections = new Set(['::omero::RList', '::omero::RArray', '::omero::RSet', '::omero::RCollection']);

/** The plain value of an RType, deeply; null stays null, and what is no RType stays as it is. */
export function unwrap(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('$type' in value)) return value ?? null;
  const { $type, val } = value as IceObject;
  if (collections.has($type)) return Array.isArray(val) ? val.map(unwrap) : [];
  if ($type === '::omero::RMap')
    return val instanceof Map ? new Map([...val].map(([k, v]) => [k as string, unwrap(v)])) : val;
  return 'val' in value ? val : value;
}

/** Parameters of a query: numbers travel as `long`, as OMERO's ids and counts do. */
export type QueryValue = number | string | boolean | readonly number[] | readonly string[];

export function wrap(value: QueryValue): IceObject {
  if (typeof value === 'number') return rlong(value);
  if (typeof value === 'string') return rstring(value);
  if (typeof value === 'boolean') return rbool(value);
  return rlist(value.map((v: number | string) => wrap(v)));
}
