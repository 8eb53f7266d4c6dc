import * as fc from 'fast-check';
import { fromArrayBuffer } from 'geotiff';
import { describe, expect, it } from 'vitest';
import { encodeOmeTiff, type OmeImage } from './ome-tiff.ts';

const plane = (width: number, height: number, pixels: Uint8Array | Uint16Array): OmeImage => ({
  width,
  height,
  pixels,
  name: 'a',
  channel: 'DAPI',
  pixelSize: null,
});

async function readBack(file: Buffer): Promise<{ width: number; height: number; pixels: number[]; xml: string }> {
  const tiff = await fromArrayBuffer(new Uint8Array(file).buffer);
  expect(await tiff.getImageCount()).toBe(1);
  const image = await tiff.getImage();
  const [band] = await image.readRasters();
  const xml: unknown = await image.fileDirectory.loadValue('ImageDescription');
  return {
    width: image.getWidth(),
    height: image.getHeight(),
    pixels: [...(band as Uint16Array)],
    xml: String(xml),
  };
}

const isXmlCharacter = (c: string): boolean =>
  !/[\p{Surrogate}\ufffe\uffff]/u.test(c) && (c >= ' ' || '\t\n\r'.includes(c));

describe('encodeOmeTiff', () => {
  it('reads back with another reader, whatever the size, in 8 and 16 bit', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 300 }),
        fc.boolean(),
        fc.integer(),
        async (width, height, wide, salt) => {
          const pixels = wide ? new Uint16Array(width * height) : new Uint8Array(width * height);
          for (let i = 0; i < pixels.length; i++) pixels[i] = Math.imul(i ^ salt, 2654435761) >>> 13;
          const back = await readBack(encodeOmeTiff(plane(width, height, pixels)));
          expect([back.width, back.height]).toEqual([width, height]);
          expect(back.pixels).toEqual([...pixels]);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('writes several strips for a large plane', async () => {
    const pixels = Uint16Array.from({ length: 700 * 500 }, (_, i) => i);
    const file = encodeOmeTiff(plane(700, 500, pixels));
    const image = await (await fromArrayBuffer(new Uint8Array(file).buffer)).getImage();
    const offsets = (await image.fileDirectory.loadValue('StripOffsets')) as ArrayLike<number>;
    expect(offsets.length).toBeGreaterThan(5);
    expect(Array.from(offsets).every((o) => o % 2 === 0)).toBe(true);
    expect((await readBack(file)).pixels).toEqual([...pixels]);
  });

  it('describes the plane, its channel and its scale', async () => {
    const { xml } = await readBack(
      encodeOmeTiff({ ...plane(3, 2, new Uint16Array(6)), name: 'one', pixelSize: { x: 0.325, y: 0.5 } }),
    );
    expect(xml).toContain('xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"');
    expect(xml).toContain('Type="uint16"');
    expect(xml).toContain('SizeX="3" SizeY="2" SizeZ="1" SizeC="1" SizeT="1"');
    expect(xml).toContain('PhysicalSizeX="0.325" PhysicalSizeY="0.5"');
    expect(xml).toContain('Name="DAPI"');
  });

  it('says nothing of a scale that nobody knows', async () => {
    const { xml } = await readBack(encodeOmeTiff(plane(1, 1, new Uint8Array(1))));
    expect(xml).not.toContain('PhysicalSize');
    expect(xml).toContain('Type="uint8"');
  });

  it('keeps hostile and foreign names inside their attribute', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (name) => {
        const { xml } = await readBack(encodeOmeTiff({ ...plane(1, 1, new Uint8Array(1)), name }));
        const attribute = /<Image ID="Image:0" Name="([^"<>]*)"><Pixels /.exec(xml)?.[1];
        const text = attribute?.replaceAll(/&#x([0-9A-F]+);/g, (_, hex: string) =>
          String.fromCodePoint(parseInt(hex, 16)),
        );
        expect(text).toBe(Array.from(name, (c) => (isXmlCharacter(c) ? c : '\ufffd')).join(''));
      }),
    );
  });

  it('refuses pixels that do not fill the plane', () => {
    expect(() => encodeOmeTiff(plane(2, 2, new Uint8Array(3)))).toThrow(RangeError);
  });
});
