import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode, encode } from 'fast-png';
import { writeArrayBuffer } from 'geotiff';
import { pino } from 'pino';
import { create, root as zarrRoot, set, type AsyncMutable } from 'zarrita';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { encodeOmeTiff } from '../lib/ome-tiff.ts';
import { makePreview } from './make-preview.ts';
import { NoPreview } from './plane.ts';
import { PreviewMaker } from './preview-maker.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'biomero-bridge-previews-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function file(name: string, bytes: Uint8Array): Promise<string> {
  await writeFile(join(root, name), bytes);
  return name;
}

function omeTiff(pixels: Uint8Array | Uint16Array, width: number): Buffer {
  return encodeOmeTiff({ width, height: pixels.length / width, pixels, name: 'n', channel: 'c', pixelSize: null });
}

interface Level {
  width: number;
  pixels: Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array;
  /** TIFF's SampleFormat: 1 without sign, 2 with, 3 floating point. */
  format: number;
}

function grey(width: number, pixels: Level['pixels'], format: number): Uint8Array {
  return tiffOfLevels([{ width, pixels, format }]);
}

/** An uncompressed TIFF whose first page has the other levels as SubIFDs; the largest level's data come last. */
function tiffOfLevels(levels: readonly Level[]): Uint8Array {
  const entries = 11;
  const folder = 2 + entries * 12 + 4;
  const subs = levels.slice(1);
  const subList = 8 + folder * levels.length;
  let end = subList + subs.length * 4;
  const places = levels.map(() => 0);
  for (let i = levels.length - 1; i >= 0; i--) {
    places[i] = end;
    end += levels[i]?.pixels.byteLength ?? 0;
  }
  const out = Buffer.alloc(end);
  out.write('II*\0', 'latin1');
  out.writeUInt32LE(8, 4);
  for (const [i, { width, pixels, format }] of levels.entries()) {
    let at = 8 + folder * i;
    const tags: [tag: number, type: number, count: number, value: number][] = [
      [254, 4, 1, i === 0 ? 0 : 1],
      [256, 4, 1, width],
      [257, 4, 1, pixels.length / width],
      [258, 3, 1, pixels.BYTES_PER_ELEMENT * 8],
      [259, 3, 1, 1],
      [262, 3, 1, 1],
      [273, 4, 1, places[i] ?? 0],
      [277, 3, 1, 1],
      [278, 4, 1, pixels.length / width],
      [279, 4, 1, pixels.byteLength],
      // Where there is one only, its offset stands in the entry itself.
      i === 0 && subs.length > 0
        ? [330, 4, subs.length, subs.length === 1 ? 8 + folder : subList]
        : [339, 3, 1, format],
    ];
    out.writeUInt16LE(entries, at);
    at += 2;
    for (const [tag, type, count, value] of tags) {
      out.writeUInt16LE(tag, at);
      out.writeUInt16LE(type, at + 2);
      out.writeUInt32LE(count, at + 4);
      out.writeUInt32LE(value, at + 8);
      at += 12;
    }
    Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength).copy(out, places[i]);
  }
  for (const [i] of subs.entries()) out.writeUInt32LE(8 + folder * (i + 1), subList + i * 4);
  return out;
}

/** Red, green, blue and alpha of a pixel of a preview. */
async function drawn(
  path: string,
  size = 64,
): Promise<{ at(x: number, y: number): number[]; width: number; height: number; labels: boolean }> {
  const preview = await makePreview({ root, path, size });
  const { data, width, height } = decode(preview.png);
  expect([width, height]).toEqual([preview.width, preview.height]);
  return {
    width,
    height,
    labels: preview.labels,
    at: (x, y) => [...data.slice((y * width + x) * 4, (y * width + x) * 4 + 4)],
  };
}

describe('a grey image is stretched between its percentiles', () => {
  test('16 bit of which few values are used', async () => {
    const pixels = Uint16Array.from({ length: 10_000 }, (_, i) => 1_000 + (i % 100));
    const image = await drawn(await file('dim.ome.tif', omeTiff(pixels, 100)), 100);
    expect(image.at(0, 50)).toEqual([0, 0, 0, 255]);
    expect(image.at(99, 50)).toEqual([255, 255, 255, 255]);
    const [middle = 0] = image.at(50, 50);
    expect(middle).toBeGreaterThan(120);
    expect(middle).toBeLessThan(136);
  });

  test('floating point, with values that are none', async () => {
    const values = Float32Array.from({ length: 64 }, (_, i) => (i % 8 === 3 ? NaN : (i % 8) / 1000));
    const tiff = writeArrayBuffer(values, {
      height: 8,
      width: 8,
      BitsPerSample: [32],
      SampleFormat: [3],
    });
    const image = await drawn(await file('float.tif', new Uint8Array(tiff)));
    expect(image.at(7, 0)[0]).toBe(255);
    expect(image.at(0, 0)[0]).toBe(0);
  });

  test('an even image is an even grey, not noise', async () => {
    const image = await drawn(await file('even.tif', omeTiff(new Uint16Array(64).fill(7), 8)));
    expect(new Set([image.at(0, 0)[0], image.at(5, 5)[0]]).size).toBe(1);
  });
});

describe.each([
  ['8 bit', Uint8Array, 1],
  ['16 bit', Uint16Array, 1],
  ['32 bit', Uint32Array, 1],
  ['32 bit with sign', Int32Array, 2],
  ['32 bit floating point', Float32Array, 3],
  ['64 bit floating point', Float64Array, 3],
] as const)('a TIFF of %s', (_, Kind, format) => {
  test('goes from black to white', async () => {
    const values = new Kind(256).map((__, i) => (i % 16) * 10);
    const name = await file('ramp.tif', grey(16, values, format));
    const image = await drawn(name, 16);
    expect(image.at(0, 8)).toEqual([0, 0, 0, 255]);
    expect(image.at(15, 8)).toEqual([255, 255, 255, 255]);
    expect(image.at(8, 8)[0]).toBeGreaterThan(100);
    expect(image.at(8, 8)[0]).toBeLessThan(160);
  });
});

test('of a pyramid in SubIFDs the smallest level that suffices is read, and no larger one', async () => {
  // Each level is bright in another place, which tells what was read.
  const level = (width: number, brightRow: number): Uint8Array =>
    Uint8Array.from({ length: width * width }, (_, i) => (Math.floor((i / width / width) * 4) === brightRow ? 255 : 0));
  const tiff = new Uint8Array(
    tiffOfLevels([
      { width: 512, pixels: level(512, 0), format: 1 },
      { width: 128, pixels: level(128, 1), format: 1 },
      { width: 32, pixels: level(32, 2), format: 1 },
    ]),
  );
  const name = await file('pyramid.ome.tif', tiff);
  const brightRow = async (size: number): Promise<number> => {
    const image = await drawn(name, size);
    return [0, 1, 2, 3].find((row) => (image.at(0, Math.floor((row + 0.5) * (image.height / 4)))[0] ?? 0) > 200) ?? -1;
  };
  expect([await brightRow(32), await brightRow(100), await brightRow(400)]).toEqual([2, 1, 0]);
  expect(await makePreview({ root, path: name, size: 32 })).toMatchObject({ fullWidth: 512, fullHeight: 512 });
  // With the data of the large levels cut off the small one is drawn all the same.
  const cut = await file('cut.ome.tif', tiff.slice(0, tiff.length - 512 * 512));
  expect((await makePreview({ root, path: cut, size: 32 })).width).toBe(32);
  await expect(makePreview({ root, path: cut, size: 400 })).rejects.toThrow('it is cut off');
});

test('label images have a colour for each value on nothing, however small the preview is', async () => {
  const pixels = new Uint16Array(256 * 256);
  for (let i = 0; i < pixels.length; i++) pixels[i] = i % 256 < 128 ? 0 : i < 128 * 256 ? 1 : 40_000;
  const name = await file('cells_labels.ome.tif', omeTiff(pixels, 256));
  const image = await drawn(name, 64);
  expect([image.width, image.height, image.labels]).toEqual([64, 64, true]);
  expect(image.at(10, 10)[3]).toBe(0);
  expect(image.at(50, 10)[3]).toBe(255);
  expect(image.at(50, 10)).not.toEqual(image.at(50, 50));
  // No colour between two labels: that would be a third one.
  const colours = new Set<string>();
  for (let y = 0; y < 64; y++) for (let x = 0; x < 64; x++) colours.add(image.at(x, y).join());
  expect(colours.size).toBe(3);
});

test('labels are counted in whole images, and not where a reduced level may have lost some', async () => {
  const level = (width: number): Uint8Array => Uint8Array.from({ length: width * width }, (_, i) => i % 7);
  const tiff = tiffOfLevels([
    { width: 256, pixels: level(256), format: 1 },
    { width: 64, pixels: level(64), format: 1 },
  ]);
  const path = await file('few_labels.tif', tiff);
  expect((await makePreview({ root, path, size: 200 })).values).toMatchObject({
    labels: 6,
    min: 0,
    max: 6,
    black: null,
  });
  expect((await makePreview({ root, path, size: 32 })).values).toMatchObject({ labels: null, max: 6 });
});

test('PNG: colour stays as it is, 16 bit grey is stretched', async () => {
  const colour = encode({
    width: 2,
    height: 1,
    data: new Uint8Array([200, 10, 20, 0, 90, 255]),
    channels: 3,
    depth: 8,
  });
  const image = await drawn(await file('colour.png', colour));
  expect(image.at(0, 0)).toEqual([200, 10, 20, 255]);
  expect(image.at(1, 0)).toEqual([0, 90, 255, 255]);
  const grey = encode({ width: 2, height: 1, data: new Uint16Array([500, 700]), channels: 1, depth: 16 });
  const stretched = await drawn(await file('grey.png', grey));
  expect([stretched.at(0, 0)[0], stretched.at(1, 0)[0]]).toEqual([0, 255]);
});

test('PNG of less than 8 bit: each pixel has its own value, each row begins a byte of its own', async () => {
  const bits = encode({ width: 3, height: 2, data: Uint8Array.of(0b01000000, 0b00100000), channels: 1, depth: 1 });
  const image = await drawn(await file('bits.png', bits));
  const row = (y: number) => [0, 1, 2].map((x) => image.at(x, y)[0]);
  expect([row(0), row(1)]).toEqual([
    [0, 255, 0],
    [0, 0, 255],
  ]);
});

for (const version of ['0.4 (zarr v2)', '0.5 (zarr v3)'])
  test(`OME-Zarr ${version}: the level that suits, middle of the stack, no other chunk`, async () => {
    const name = version.startsWith('0.4') ? 'old.zarr' : 'new.zarr';
    await writeZarr(name, version.startsWith('0.4') ? 2 : 3);
    const preview = await makePreview({ root, path: name, size: 16 });
    expect(preview).toMatchObject({ width: 16, height: 16, fullWidth: 64, fullHeight: 64, planes: 3 });
    const { data } = decode(preview.png);
    // Plane 1 of 0 to 2 rises from left to right; the others are black.
    expect(data[0]).toBe(0);
    expect(data[15 * 4]).toBe(255);
  });

async function writeZarr(name: string, format: 2 | 3): Promise<void> {
  const multiscales = [{ datasets: [{ path: '0' }, { path: '1' }], axes: [] }];
  const folder = join(root, name);
  await mkdir(folder);
  if (format === 2) {
    await writeFile(join(folder, '.zgroup'), '{"zarr_format":2}');
    await writeFile(join(folder, '.zattrs'), JSON.stringify({ multiscales }));
  } else {
    const attributes = { ome: { version: '0.5', multiscales } };
    await writeFile(join(folder, 'zarr.json'), JSON.stringify({ zarr_format: 3, node_type: 'group', attributes }));
  }
  for (const [level, side] of [64, 16].entries()) {
    if (format === 2) {
      await mkdir(join(folder, String(level)));
      const array = {
        zarr_format: 2,
        shape: [1, 1, 3, side, side],
        chunks: [1, 1, 1, side, side],
        dtype: '<u2',
        compressor: null,
        fill_value: 0,
        order: 'C',
        filters: null,
        dimension_separator: '.',
      };
      await writeFile(join(folder, String(level), '.zarray'), JSON.stringify(array));
      const plane = Uint16Array.from({ length: side * side }, (_, i) => i % side);
      await writeFile(join(folder, String(level), '0.0.1.0.0'), new Uint8Array(plane.buffer));
      continue;
    }
    const store: AsyncMutable = {
      get: async () => undefined,
      set: async (key, value) => {
        await mkdir(join(folder, key, '..'), { recursive: true });
        await writeFile(join(folder, key), value);
      },
    };
    const array = await create(zarrRoot(store).resolve(String(level)), {
      shape: [1, 1, 3, side, side],
      chunkShape: [1, 1, 1, side, side],
      dtype: 'uint16',
    });
    const data = Uint16Array.from({ length: side * side }, (_, i) => i % side);
    await set(array, [0, 0, 1, null, null], { data, shape: [side, side], stride: [side, 1] });
  }
}

describe('what cannot be drawn has a reason', () => {
  test.each([
    ['no image at all', 'text.tif', Buffer.from('hello')],
    ['a truncated TIFF', 'cut.tif', omeTiff(new Uint16Array(4096), 64).subarray(0, 600)],
    ['a truncated PNG', 'cut.png', encode({ width: 9, height: 9, data: new Uint8Array(81), channels: 1 }).slice(0, 40)],
    ['an unknown kind', 'image.czi', Buffer.from('ZISRAWFILE')],
  ])('%s', async (_, name, bytes) => {
    await expect(makePreview({ root, path: await file(name, bytes), size: 64 })).rejects.toThrow(/.{8}/);
  });

  test('a PNG that says it has 16 gigapixels, before anything is unpacked', async () => {
    const png = Buffer.from(encode({ width: 1, height: 1, data: new Uint8Array(1), channels: 1 }));
    png.writeUInt32BE(131_072, 16);
    png.writeUInt32BE(131_072, 20);
    await expect(makePreview({ root, path: await file('huge.png', png), size: 64 })).rejects.toThrow(NoPreview);
  });

  test('a zarr whose metadata lead outside, or whose chunk is a link', async () => {
    await mkdir(join(root, 'evil.zarr'));
    await writeFile(join(root, 'evil.zarr', '.zgroup'), '{"zarr_format":2}');
    await writeFile(
      join(root, 'evil.zarr', '.zattrs'),
      JSON.stringify({ multiscales: [{ datasets: [{ path: '../old.zarr/0' }] }] }),
    );
    await expect(makePreview({ root, path: 'evil.zarr', size: 64 })).rejects.toThrow(/outside/);
    await mkdir(join(root, 'link.zarr'));
    await symlink('/etc/hostname', join(root, 'link.zarr', '.zarray'));
    await expect(makePreview({ root, path: 'link.zarr', size: 64 })).rejects.toThrow(/is a link/);
  });
});

describe('the process that draws', () => {
  function maker(limits: ConstructorParameters<typeof PreviewMaker>[2] = {}): PreviewMaker {
    const made = new PreviewMaker(join(root, 'cache'), pino({ level: 'silent' }), limits);
    onTestFinished(() => made.close());
    return made;
  }

  test('keeps previews and reasons, and gives them again without reading the image', async () => {
    const name = await file('kept.tif', omeTiff(new Uint16Array(4096), 64));
    const first = await maker().preview({ root, path: name, size: 64 }, 'kept');
    expect(first).toMatchObject({ width: 64, labels: false });
    const broken = await maker().preview({ root, path: await file('kept2.tif', Buffer.from('x')), size: 64 }, 'kept2');
    expect(broken).toMatchObject({ reason: expect.any(String) });
    await rm(join(root, 'kept.tif'));
    await rm(join(root, 'kept2.tif'));
    expect(await maker().preview({ root, path: name, size: 64 }, 'kept')).toEqual(first);
    expect(await maker().preview({ root, path: 'kept2.tif', size: 64 }, 'kept2')).toEqual(broken);
    // An image that is away may come back.
    expect(await maker().preview({ root, path: name, size: 64 }, 'other')).toMatchObject({ reason: /not there/ });
    await writeFile(join(root, 'kept.tif'), omeTiff(new Uint16Array(4096), 64));
    expect(await maker().preview({ root, path: name, size: 64 }, 'other')).toMatchObject({ width: 64 });
  });

  test('is ended at its limits, and the next image gets another', async () => {
    const large = await file('large.tif', omeTiff(new Uint16Array(3_000 * 3_000), 3_000));
    const strict = maker({ timeMs: 1 });
    expect(await strict.preview({ root, path: large, size: 64 }, 'slow')).toMatchObject({ reason: /longer than/ });
    const small = maker({ memoryBytes: 1 << 20 });
    expect(await small.preview({ root, path: large, size: 64 }, 'memory')).toMatchObject({ reason: /of memory/ });
    expect(await maker().preview({ root, path: large, size: 64 }, 'slow')).toMatchObject({ fullWidth: 3_000 });
  });

  test('sweeps the oldest previews away when there are too many', async () => {
    await maker().sweep(0);
    const left = await readdir(join(root, 'cache'), { recursive: true, withFileTypes: true });
    expect(left.filter((e) => e.isFile())).toEqual([]);
  });
});
