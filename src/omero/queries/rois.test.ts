import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startTestOmero, type TestOmero } from '../../embedded/omero/testing.ts';
import type { OmeroConfig } from '../../config/config.ts';
import { OmeroLink } from '../link.ts';
import { newObject } from '../model.ts';
import { rstring } from '../rtypes.ts';
import { OmeroSession } from '../session.ts';
import { project } from './project.ts';
import { packMask, type NewMask, type NewRoi, type Polygon } from './rois.ts';

let omero: TestOmero;
const open: OmeroSession[] = [];
beforeAll(async () => {
  omero = await startTestOmero();
});
afterEach(async () => {
  for (const session of open.splice(0)) await session.close();
});
afterAll(() => omero?.drop());

async function as(user: string, group: string): Promise<OmeroSession> {
  const config = { host: '127.0.0.1', port: omero.port, transport: 'tcp' } as unknown as OmeroConfig;
  const admin = await OmeroSession.signIn(config, { user: 'bridge', password: 'bridge-secret' });
  open.push(admin);
  const session = await admin.sudo(user, group);
  open.push(session);
  return session;
}

async function newImage(session: OmeroSession): Promise<number> {
  const [id = 0] = await session.saveGraphs([newObject('Image', { name: rstring('an image') })]);
  return id;
}

const plane = { z: null, t: null, c: null, label: '' };
const triangle: Polygon = {
  kind: 'polygon',
  ...plane,
  z: 2,
  label: 'cell 1',
  points: [
    [0, 0],
    [10.25, -3],
    [1e-3, 7],
  ],
};
const disc = (radius: number): NewMask => {
  const size = 2 * radius + 1;
  const bits = packMask(size, size, (x, y) => Math.hypot(x - radius, y - radius) <= radius);
  return { kind: 'mask', ...plane, t: 1, c: 0, x: 5, y: 6.5, width: size, height: size, bits };
};

test('polygons and masks come back as they were saved, pixel by pixel', async () => {
  const alice = await as('alice', 'annotate');
  const imageId = await newImage(alice);
  const mask = disc(6);
  const [first, second] = await alice.createRois([
    { imageId, name: 'nuclei', shapes: [triangle, mask] },
    { imageId, name: 'ünï 核', shapes: [triangle] },
  ]);
  const rois = await alice.roisOf([imageId]);
  const { bits, ...place } = mask;
  expect(rois).toMatchObject([
    { id: first, name: 'nuclei', ownerId: alice.context.userId, shapes: [triangle, place] },
    { id: second, name: 'ünï 核', shapes: [triangle] },
  ]);
  expect(await alice.maskBits(rois[0]?.shapes[1]?.id ?? 0)).toEqual(bits);
  expect(await alice.maskBits(987_654_321)).toBeNull();
  await alice.deleteObjects('Roi', [first ?? 0]);
  expect((await alice.roisOf([imageId])).map((roi) => roi.id)).toEqual([second]);
});

test('a description and a colour are saved, and names come without shapes', async () => {
  const alice = await as('alice', 'annotate');
  const imageId = await newImage(alice);
  const [id] = await alice.createRois([
    { imageId, name: 'cell 1', description: 'of a run', color: '#FF8000', shapes: [triangle, disc(1)] },
  ]);
  expect(await alice.roiNames([imageId])).toEqual([
    { id, imageId, ownerId: alice.context.userId, name: 'cell 1', description: 'of a run' },
  ]);
  const config = { host: '127.0.0.1', port: omero.port, transport: 'tcp' } as unknown as OmeroConfig;
  const link = await OmeroLink.open(config, 'alice', 'alice-secret');
  onTestFinished(() => link.close());
  const colors = async (type: string, column: string): Promise<unknown> =>
    (await project(link, `select s.${column} from ${type} s where s.roi.id = :id`, { id: id ?? 0 }))[0]?.[0];
  // Red, green, blue, opacity.
  expect(await colors('Polygon', 'strokeColor')).toBe(0xff8000ff | 0);
  expect(await colors('Polygon', 'fillColor')).toBeNull();
  expect(await colors('Mask', 'fillColor')).toBe(0xff800080 | 0);
});

test('bits of a mask run on from row to row, the first is the most significant', () => {
  // 3 × 3: a diagonal. 100 010 001, padded at the end.
  expect([...packMask(3, 3, (x, y) => x === y)]).toEqual([0b10001000, 0b10000000]);
});

test('a thousand ROIs go in batches, and keep their sequence', async () => {
  const alice = await as('alice', 'annotate');
  const imageId = await newImage(alice);
  const list = Array.from({ length: 1_100 }, (_, i): NewRoi => ({ imageId, name: `roi ${i}`, shapes: [triangle] }));
  const ids = await alice.createRois(list);
  const found = new Map((await alice.roisOf([imageId])).map((roi) => [roi.id, roi.name]));
  expect(ids.map((id) => found.get(id))).toEqual(list.map((roi) => roi.name));
});

test('what is no region is refused before anything is saved', async () => {
  const alice = await as('alice', 'annotate');
  const imageId = await newImage(alice);
  const wrong: [NewRoi['shapes'], RegExp][] = [
    [[], /no shape/],
    [
      [
        {
          ...triangle,
          points: [
            [0, 0],
            [1, 1],
          ],
        },
      ],
      /2 corners/,
    ],
    [
      [
        {
          ...triangle,
          points: [
            [0, 0],
            [1, Number.NaN],
            [2, 2],
          ],
        },
      ],
      /no number/,
    ],
    [[{ ...disc(2), bits: new Uint8Array(3) }], /has 3 bytes, not 4/],
    [[{ ...disc(2), width: 0 }], /no size/],
  ];
  for (const [shapes, message] of wrong)
    await expect(
      alice.createRois([
        { imageId, name: 'good', shapes: [triangle] },
        { imageId, name: 'bad', shapes },
      ]),
    ).rejects.toMatchObject({ code: 'ROI_INVALID', message: expect.stringMatching(message) });
  expect(await alice.roisOf([imageId])).toEqual([]);
});

test("an image that is gone, and one of another group, are said with OMERO's words", async () => {
  const alice = await as('alice', 'annotate');
  await expect(alice.createRois([{ imageId: 987_654_321, name: 'x', shapes: [triangle] }])).rejects.toMatchObject({
    code: 'OMERO_OBJECT_GONE',
  });
  const elsewhere = await newImage(await as('alice', 'private'));
  await expect(alice.createRois([{ imageId: elsewhere, name: 'x', shapes: [triangle] }])).rejects.toThrow(
    /MIXED GROUP/,
  );
  const bob = await as('bob', 'readonly');
  const hers = await newImage(await as('alice', 'readonly'));
  await expect(bob.createRois([{ imageId: hers, name: 'x', shapes: [triangle] }])).rejects.toMatchObject({
    code: 'OMERO_NOT_PERMITTED',
  });
});
