/** For tests: OME-Zarrs as files, without a single chunk. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export type Files = Readonly<Record<string, unknown>>;

/** Writes JSON files below a folder; a text is written as it is. */
export async function writeFiles(folder: string, files: Files): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true, mode: 0o755 });
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    await writeFile(join(folder, path), text, { mode: 0o644 });
  }
  return folder;
}

/** The files of an image of format 2 in a folder of the store. */
export function imageFiles(at = '', more: Record<string, unknown> = {}, array: Record<string, unknown> = {}): Files {
  const path = (name: string): string => join(at, name);
  return {
    [path('.zgroup')]: { zarr_format: 2 },
    [path('.zattrs')]: {
      multiscales: [
        {
          version: '0.4',
          axes: [
            { name: 'y', type: 'space' },
            { name: 'x', type: 'space' },
          ],
          datasets: [{ path: '0', coordinateTransformations: [{ type: 'scale', scale: [1, 1] }] }],
        },
      ],
      ...more,
    },
    [path('0/.zarray')]: { zarr_format: 2, shape: [16, 32], chunks: [16, 32], dtype: '<u2', fill_value: 0, ...array },
  };
}

/** The files of a plate of one field per well. */
export function plateFiles(rows: number, columns: number, more: Record<string, unknown> = {}): Files {
  const names = { rows: labels(rows, 65), columns: Array.from({ length: columns }, (_, i) => String(i + 1)) };
  const wells = names.rows.flatMap((row, rowIndex) =>
    names.columns.map((column, columnIndex) => ({ path: `${row}/${column}`, rowIndex, columnIndex })),
  );
  const files: Record<string, unknown> = {
    '.zgroup': { zarr_format: 2 },
    '.zattrs': {
      plate: {
        version: '0.4',
        rows: names.rows.map((name) => ({ name })),
        columns: names.columns.map((name) => ({ name })),
        wells,
        ...more,
      },
    },
  };
  for (const { path } of wells) {
    files[`${path}/.zgroup`] = { zarr_format: 2 };
    files[`${path}/.zattrs`] = { well: { version: '0.4', images: [{ path: '0' }] } };
    Object.assign(files, imageFiles(`${path}/0`));
  }
  return files;
}

function labels(count: number, from: number): string[] {
  return Array.from({ length: count }, (_, i) => String.fromCharCode(from + i));
}
