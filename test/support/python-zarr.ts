import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { packageFile } from '../../src/lib/package-root.ts';

export const zarrPython = process.env['BIOMERO_ZARR_PYTHON'] ?? '/opt/biomero-zarr/bin/python';

/** A Python with the packages zarr and ome-zarr. */
export const hasPythonZarr = existsSync(zarrPython);

/** Writes the stores of `test/zarr/make_stores.py`. */
export async function makeStores(...args: readonly string[]): Promise<void> {
  const script = packageFile('test', 'zarr', 'make_stores.py');
  await promisify(execFile)(zarrPython, [script, ...args], { timeout: 300_000 });
}
