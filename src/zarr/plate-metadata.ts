/** Pure: the layout of an NGFF plate. */
import { BadStore, isObject, type Json } from './zarr-node.ts';

export interface PlateLayout {
  readonly rows: number;
  readonly columns: number;
  readonly rowNaming: 'letter' | 'number';
  readonly columnNaming: 'letter' | 'number';
  readonly acquisitions: readonly Acquisition[];
}

export interface Acquisition {
  /** Its number in the store. */
  readonly id: number;
  /** Unique among the acquisitions of the plate. */
  readonly name: string;
  readonly maximumFieldCount: number | null;
  /** Milliseconds since 1970. */
  readonly start: number | null;
  readonly end: number | null;
}

/** Of the largest plates there are, 3456. */
const mostWells = 20_000;

/** @throws BadStore */
export function readPlate(
  plate: Json,
  inside: (path: string) => string,
): { layout: PlateLayout; wells: { path: string; row: number; column: number }[] } {
  const rows = namesOf(plate, 'rows');
  const columns = namesOf(plate, 'columns');
  const listed = plate['wells'];
  if (!Array.isArray(listed) || listed.length === 0) throw new BadStore('the plate lists no wells');
  if (listed.length > mostWells) throw new BadStore(`the plate lists more than ${mostWells} wells`);
  const wells = new Map<string, { path: string; row: number; column: number }>();
  const positions = new Set<string>();
  for (const well of listed as unknown[]) {
    if (!isObject(well) || typeof well['path'] !== 'string')
      throw new BadStore('the plate lists a well without a path');
    const path = inside(well['path']);
    // Some writers list a well twice.
    if (wells.has(path)) continue;
    const [rowName = '', columnName = ''] = path.split('/');
    const row = indexOf(well['rowIndex'], rows, rowName, path);
    const column = indexOf(well['columnIndex'], columns, columnName, path);
    if (positions.has(`${row}/${column}`)) throw new BadStore(`two wells of the plate are at the place of ${path}`);
    positions.add(`${row}/${column}`);
    wells.set(path, { path, row, column });
  }
  return {
    layout: {
      rows: rows.length,
      columns: columns.length,
      rowNaming: naming(rows),
      columnNaming: naming(columns),
      acquisitions: acquisitionsOf(plate['acquisitions']),
    },
    wells: [...wells.values()],
  };
}

function namesOf(plate: Json, which: 'rows' | 'columns'): string[] {
  const list = plate[which];
  const valid = Array.isArray(list) && list.length > 0 && list.length <= mostWells;
  const names = valid ? list.map((entry: unknown) => (isObject(entry) ? entry['name'] : null)) : [];
  if (names.length > 0 && names.every((name) => typeof name === 'string')) return names;
  throw new BadStore(`the plate names no ${which}`);
}

/** By the number given, or, before 0.4, by the well's path. */
function indexOf(given: unknown, names: readonly string[], name: string, path: string): number {
  const index = typeof given === 'number' ? given : names.indexOf(name);
  if (Number.isInteger(index) && index >= 0 && index < names.length) return index;
  throw new BadStore(`the well ${path} lies outside of the plate's rows and columns`);
}

function naming(names: readonly string[]): 'letter' | 'number' {
  return /^\d+$/.test(names[0] ?? '') ? 'number' : 'letter';
}

function acquisitionsOf(list: unknown): Acquisition[] {
  if (!Array.isArray(list)) return [];
  const acquisitions: Acquisition[] = [];
  const names = new Set<string>();
  for (const [at, entry] of (list as unknown[]).entries()) {
    if (!isObject(entry)) throw new BadStore('the plate lists a broken acquisition');
    const id = typeof entry['id'] === 'number' ? entry['id'] : at;
    const given = typeof entry['name'] === 'string' && entry['name'] !== '' ? entry['name'] : String(id);
    const name = names.has(given) ? `${given} (${id})` : given;
    if (names.has(name)) throw new BadStore(`the plate lists the acquisition ${name} twice`);
    names.add(name);
    const whole = (value: unknown): number | null => (Number.isSafeInteger(value) ? (value as number) : null);
    acquisitions.push({
      id,
      name,
      maximumFieldCount: whole(entry['maximumfieldcount']),
      start: whole(entry['starttime']),
      end: whole(entry['endtime']),
    });
  }
  return acquisitions;
}
