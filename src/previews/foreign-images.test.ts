import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithPart } from '../../test/support/optional-part.ts';
import { hasPythonZarr, zarrPython } from '../../test/support/python-zarr.ts';
import { makePreview, type Preview } from './make-preview.ts';

// Images as workflows write them, with Python's own libraries.

const script = `
import sys, os, numpy as np, tifffile, zarr
from ome_zarr.writer import write_image
from ome_zarr.format import FormatV04, FormatV05
os.chdir(sys.argv[1])
ramp = lambda dtype, low, high: np.tile(np.linspace(low, high, 64).astype(dtype), (64, 1))
for dtype, low, high in [('uint8', 0, 255), ('int8', -128, 127), ('uint16', 0, 60000), ('int16', -30000, 30000),
    ('uint32', 0, 4e9), ('int32', -2e9, 2e9), ('float16', 0, 1), ('float32', -1, 1), ('float64', -1, 1)]:
    tifffile.imwrite(dtype + '.tif', ramp(dtype, low, high))
deep = ramp('uint16', 0, 60000)
tifffile.imwrite('bigtiff.tif', deep, bigtiff=True)
tifffile.imwrite('bigendian.tif', deep, byteorder='>')
tifffile.imwrite('tiled.tif', deep, tile=(16, 16), compression='zlib', predictor=True)
tifffile.imwrite('imagej.tif', np.stack([deep // 5 * i for i in range(5)]), imagej=True)
tifffile.imwrite('planar.tif', np.stack([ramp('uint8', 0, 255)] * 3), photometric='rgb', planarconfig='separate')
large = np.tile(np.linspace(0, 60000, 2048).astype('uint16'), (2048, 1))
with tifffile.TiffWriter('pyramid.ome.tif', bigtiff=True) as out:
    out.write(large, subifds=2, tile=(256, 256), compression='zlib', metadata={'axes': 'YX'})
    for step in (4, 16): out.write(large[::step, ::step], subfiletype=1, tile=(128, 128), compression='zlib')
labels = np.zeros((64, 64), 'uint16')
for i in range(7): labels[i * 9:i * 9 + 4, 10:20] = 1000 + i
tifffile.imwrite('cells_labels.tif', labels)
for name, format in [('v04.zarr', FormatV04()), ('v05.zarr', FormatV05())]:
    group = zarr.open_group(name, mode='w', zarr_format=format.zarr_format)
    write_image(np.stack([large // 3 * i for i in range(3)]), group, axes='zyx',
        storage_options={'chunks': (1, 256, 256)}, fmt=format)
`;

describeWithPart('Python zarr', hasPythonZarr, 'images that Python wrote', () => {
  let root = '';
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'biomero-bridge-foreign-'));
    execFileSync(zarrPython, ['-W', 'ignore', '-c', script, root], { stdio: ['ignore', 'ignore', 'inherit'] });
  }, 120_000);
  afterAll(() => rm(root, { recursive: true, force: true }));

  const drawn = (path: string, size = 64): Promise<Preview> => makePreview({ root, path, size });

  test.each([
    ['uint8', 'uint8', 0, 255],
    ['int8', 'int8', -128, 127],
    ['uint16', 'uint16', 0, 60_000],
    ['int16', 'int16', -30_000, 30_000],
    ['uint32', 'uint32', 0, 4e9],
    ['int32', 'int32', -2e9, 2e9],
    // Half precision is read into the next larger kind.
    ['float16', 'float32', 0, 1],
    ['float32', 'float32', -1, 1],
    ['float64', 'float64', -1, 1],
    ['bigtiff', 'uint16', 0, 60_000],
    ['bigendian', 'uint16', 0, 60_000],
    ['tiled', 'uint16', 0, 60_000],
  ])('%s: its values are told as they are, and which of them are black and white', async (name, type, min, max) => {
    const { values, fullWidth } = await drawn(`${name}.tif`);
    expect([fullWidth, values]).toEqual([64, { type, min, max, black: min, white: max, labels: null }]);
  });

  test('of a stack the middle plane is told of, of colours no values', async () => {
    expect(await drawn('imagej.tif')).toMatchObject({ planes: 5, values: { min: 0, max: 24_000 } });
    expect((await drawn('planar.tif')).values).toMatchObject({ type: 'uint8', min: null, black: null });
  });

  test('labels are counted', async () => {
    expect(await drawn('cells_labels.tif')).toMatchObject({
      labels: true,
      values: { labels: 7, min: 0, max: 1_006, black: null, white: null },
    });
  });

  test('a pyramid is read by the level that suffices', async () => {
    const { width, fullWidth, values } = await drawn('pyramid.ome.tif', 100);
    expect([width, fullWidth]).toEqual([100, 2_048]);
    // The last pixel of the smallest level is one of every sixteenth.
    expect(values.max).toBe(Math.floor((60_000 * 2_032) / 2_047));
  });

  test.each(['v04.zarr', 'v05.zarr'])('%s: compressed chunks, the middle of the stack', async (name) => {
    expect(await drawn(name, 200)).toMatchObject({ planes: 3, fullWidth: 2_048, width: 200 });
    const { values } = await drawn(name, 200);
    expect(values.type).toBe('uint16');
    expect(values.max).toBeGreaterThan(15_000);
    expect(values.max).toBeLessThanOrEqual(20_000);
  });
});
