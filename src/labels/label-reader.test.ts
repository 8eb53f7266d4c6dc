import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { writeArrayBuffer } from 'geotiff';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeOmeTiff } from '../lib/ome-tiff.ts';
import { LabelReader, type LabelImageAnswer } from './label-reader.ts';
import type { LabelShape } from './label-shapes.ts';

let root: string;
let reader: LabelReader;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'biomero-bridge-labels-'));
  reader = new LabelReader();
});
afterAll(async () => {
  reader.close();
  await rm(root, { recursive: true, force: true });
});

const size = { width: 4, height: 3 };
const never = new AbortController().signal;
const picture = [0, 7, 7, 0, 0, 0, 0, 0, 7, 0, 300, 300];

async function read(name: string, bytes: Uint8Array, shape: LabelShape = 'mask', wanted = size) {
  await writeFile(join(root, name), bytes);
  return reader.read({ root, path: name, shape, size: wanted }, never);
}

const tiff = (pixels: Uint8Array | Uint16Array, { width } = size): Buffer =>
  encodeOmeTiff({ width, height: pixels.length / width, pixels, name: 'n', channel: 'c', pixelSize: null });
const plane = { z: null, t: null, c: null };
const masks = {
  areas: [
    {
      label: 7,
      shapes: [
        { kind: 'mask', ...plane, label: '7', x: 0, y: 0, width: 3, height: 3, bits: Uint8Array.of(0b01100010, 0) },
      ],
    },
    {
      label: 300,
      shapes: [
        { kind: 'mask', ...plane, label: '300', x: 2, y: 2, width: 2, height: 1, bits: Uint8Array.of(0b11000000) },
      ],
    },
  ],
};

test('labels of 16 bit, from OME-TIFF and from PNG, as masks', async () => {
  expect(await read('a.ome.tif', tiff(Uint16Array.from(picture)))).toEqual(masks);
  const png = encode({ ...size, data: Uint16Array.from(picture), depth: 16, channels: 1 });
  expect(await read('a.png', png)).toEqual(masks);
});

test('labels of 32 bit keep their numbers, and each piece is a polygon', async () => {
  const pixels = Uint32Array.from(picture, (v) => (v === 300 ? 4_000_000_000 : v));
  const bytes = writeArrayBuffer(pixels, {
    ...size,
    BitsPerSample: [32],
    SampleFormat: [1],
    StripByteCounts: [pixels.byteLength],
  });
  const found = await read('wide.tif', new Uint8Array(bytes), 'polygon');
  const corners = (answer: LabelImageAnswer) =>
    'areas' in answer &&
    answer.areas.map((area) => [
      area.label,
      area.shapes.map((shape) => ('points' in shape ? shape.points.map((p) => p.join()).sort() : [])),
    ]);
  expect(corners(found)).toEqual([
    [
      7,
      [
        ['1,0', '1,1', '3,0', '3,1'],
        ['0,2', '0,3', '1,2', '1,3'],
      ],
    ],
    [4_000_000_000, [['2,2', '2,3', '4,2', '4,3']]],
  ]);
});

test('a mask of one bit per pixel is one label', async () => {
  const png = encode({ width: 4, height: 2, data: Uint8Array.of(0b01100000, 0b00010000), depth: 1, channels: 1 });
  expect(await read('bits.png', png, 'mask', { width: 4, height: 2 })).toMatchObject({
    areas: [{ label: 1, shapes: [{ x: 1, y: 0, width: 3, height: 2, bits: Uint8Array.of(0b11000100) }] }],
  });
});

test('what is no label image gives the reason', async () => {
  const float = writeArrayBuffer(Float32Array.from(picture), { ...size, BitsPerSample: [32], SampleFormat: [3] });
  const rgb = encode({ ...size, data: new Uint8Array(36), channels: 3 });
  const many = Uint16Array.from({ length: 200 * 150 }, (_, i) => i);
  const wrong: [LabelImageAnswer, RegExp][] = [
    [await read('float.tif', new Uint8Array(float)), /floating point/],
    [await read('rgb.png', rgb), /in colour/],
    [
      await read('many.tif', tiff(many, { ...size, width: 200 }), 'mask', { width: 200, height: 150 }),
      /more than 20000/,
    ],
    [await read('size.tif', tiff(Uint16Array.from(picture)), 'mask', { width: 3, height: 4 }), /4 × 3 pixels.* 3 × 4$/],
    [await read('text.tif', Buffer.from('no image')), /cannot be read/],
    [
      await read('cut.png', encode({ ...size, data: new Uint8Array(12), channels: 1 }).subarray(0, 40)),
      /cannot be read/,
    ],
    [await read('image.jpg', Buffer.from('x')), /TIFF and PNG/],
    [await reader.read({ root, path: 'gone.tif', shape: 'mask', size }, never), /ENOENT/],
  ];
  for (const [answer, reason] of wrong) expect(answer).toEqual({ reason: expect.stringMatching(reason) });
});

test('one that takes too long ends its reading alone', async () => {
  await writeFile(join(root, 'good.tif'), tiff(Uint16Array.from(picture)));
  const request = { root, path: 'good.tif', shape: 'mask', size } as const;
  const hasty = new LabelReader({ timeMs: 1 });
  expect(await hasty.read(request, never)).toEqual({ reason: 'reading it took longer than 0.001 s' });
  const small = new LabelReader({ memoryBytes: 1 });
  expect(await small.read(request, never)).toEqual({ reason: expect.stringMatching(/MB of memory/) });
  const stopped = new AbortController();
  const reading = reader.read(request, stopped.signal);
  stopped.abort(new Error('told to stop'));
  await expect(reading).rejects.toThrow('told to stop');
  expect(await reader.read(request, never)).toEqual(masks);
});
