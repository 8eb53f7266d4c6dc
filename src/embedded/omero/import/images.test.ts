import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts';
import { decodeFirstPlanes, inspect, type ImageFile } from './images.ts';
import { parseOmeXml } from './ome-xml.ts';
import { UnreadableImage } from './tiff-pages.ts';
import { omeXml, tiff } from './tiff-for-tests.ts';

async function inspectBytes(bytes: Buffer, name = 'image.tif'): Promise<ImageFile> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, bytes);
  return inspect(path);
}

const page = { width: 4, height: 3 };

describe('TIFF', () => {
  it('is one image of its size, depth and name', async () => {
    const file = await inspectBytes(tiff([page]), 'cells.tif');
    expect(file.images).toMatchObject([
      { name: 'cells.tif', series: 0, pixelsType: 'uint16', bits: 16, size: { X: 4, Y: 3, Z: 1, C: 1, T: 1 } },
    ]);
    await decodeFirstPlanes(file);
  });

  it('counts pages as time, or as ImageJ says; smaller versions do not count', async () => {
    const plain = await inspectBytes(tiff([page, page, page, { ...page, subfile: 1 }]));
    expect(plain.images[0]?.size).toMatchObject({ Z: 1, C: 1, T: 3 });
    const description = 'ImageJ=1.54f\nimages=6\nchannels=2\nslices=3\nhyperstack=true\n';
    const imagej = await inspectBytes(tiff([{ ...page, description }, page, page, page, page, page]));
    expect(imagej.images[0]?.size).toMatchObject({ Z: 3, C: 2, T: 1 });
  });

  it('has an image per series of its OME-XML, with physical sizes', async () => {
    const description = omeXml([{ name: 'a', z: 2 }, { name: 'b' }]);
    const file = await inspectBytes(tiff([{ ...page, description }, page, page]), 'x.ome.tif');
    expect(file.images).toMatchObject([
      { name: 'x.ome.tif [a]', series: 0, size: { Z: 2 }, firstDirectory: 0 },
      { name: 'x.ome.tif [b]', series: 1, size: { Z: 1 }, firstDirectory: 2 },
    ]);
    expect(file.images[0]?.physicalSize).toEqual({ X: { value: 0.5, unit: 'µm' }, Y: { value: 250, unit: 'nm' } });
  });

  it('is refused when its OME-XML promises planes or sizes that it has not', async () => {
    const missing = inspectBytes(tiff([{ ...page, description: omeXml([{ name: 'a', t: 2 }]) }]));
    await expect(missing).rejects.toThrow('lacks page 2');
    const other = inspectBytes(tiff([{ width: 5, height: 3, description: omeXml([{ name: 'a' }]) }]));
    await expect(other).rejects.toThrow('not of the size');
  });

  it('is refused when cut anywhere', async () => {
    const whole = tiff([{ ...page, description: 'x'.repeat(20) }, page]);
    for (let length = 0; length < whole.length - 1; length += 7)
      await expect(inspectBytes(whole.subarray(0, length))).rejects.toBeInstanceOf(UnreadableImage);
  });

  it('is refused when its directories form a circle', async () => {
    const bytes = tiff([page]);
    bytes.writeUInt32LE(bytes.readUInt32LE(4), bytes.length - 4);
    await expect(inspectBytes(bytes)).rejects.toThrow('circle');
  });

  it('is an image or refused, whatever bytes are changed', async () => {
    const whole = tiff([{ ...page, description: omeXml([{ name: 'a' }]) }]);
    const path = join(await temporaryFolder(), 'x.tif');
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        await writeFile(path, bytes);
        try {
          await decodeFirstPlanes(await inspect(path));
        } catch (error) {
          expect(error).toBeInstanceOf(UnreadableImage);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('OME-XML', () => {
  it('with a document type is refused, so that no entity is ever expanded', () => {
    const bomb = '<!DOCTYPE OME [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;">]>';
    expect(() => parseOmeXml(omeXml([{ name: '&b;' }], bomb))).toThrow('document type');
    expect(parseOmeXml(omeXml([{ name: '&b; &lt;&#65;&#x42;&amp;lt;' }]))[0]?.name).toBe('&b; <AB&lt;');
  });

  it('that names other files is refused', () => {
    const files = '<UUID FileName="a.ome.tif"/><UUID FileName="../../etc/passwd"/>';
    expect(() => parseOmeXml(omeXml([{ name: 'a' }]).replace('</OME>', `${files}</OME>`))).toThrow('several files');
  });

  it('costs no more than its length, and ends in images or a refusal', () => {
    const hostile = [
      '<',
      '<a',
      '<a ',
      '<a b',
      '<a b=',
      '<a b="',
      '<!--',
      '<![CDATA[',
      '<?x',
      '</',
      '<a b="1" ',
      '&#x',
      ' ',
    ];
    const started = performance.now();
    for (const piece of hostile) {
      try {
        parseOmeXml(`<OME>${piece.repeat(200_000)}`);
      } catch (error) {
        expect(error).toBeInstanceOf(UnreadableImage);
      }
    }
    expect(performance.now() - started).toBeLessThan(5_000);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...hostile, '>', '"', 'Image', 'Pixels', 'SizeX')), (pieces) => {
        try {
          parseOmeXml(pieces.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(UnreadableImage);
        }
      }),
    );
  });
});

describe('other files', () => {
  const chunk = (kind: string, data: Buffer): Buffer => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(data.length, 0);
    head.write(kind, 4, 'latin1');
    return Buffer.concat([head, data, Buffer.alloc(4)]);
  };
  const header = Buffer.from([0, 0, 0, 7, 0, 0, 0, 5, 8, 2, 0, 0, 0]);
  const png = Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(5 * 22))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
  const jpeg = Buffer.from('ffd8ffe000044a46ffc0000b080005000701011100ffda0002112233ffd9', 'hex');

  it('of PNG and JPEG are images of their size', async () => {
    expect((await inspectBytes(png, 'a.png')).images[0]?.size).toEqual({ X: 7, Y: 5, Z: 1, C: 3, T: 1 });
    expect((await inspectBytes(jpeg, 'a.jpg')).images[0]?.size).toEqual({ X: 7, Y: 5, Z: 1, C: 1, T: 1 });
  });

  it('are refused when cut', async () => {
    for (const bytes of [png, jpeg])
      for (let length = 0; length < bytes.length - 1; length += 5)
        await expect(inspectBytes(bytes.subarray(0, length))).rejects.toBeInstanceOf(UnreadableImage);
  });

  it('are refused when they are no images, no files or not there', async () => {
    await expect(inspectBytes(Buffer.from('id,area\n1,2\n'))).rejects.toMatchObject({ unknownFormat: true });
    await expect(inspect(await temporaryFolder())).rejects.toBeInstanceOf(UnreadableImage);
    await expect(inspect('/nowhere/x.tif')).rejects.toThrow('ENOENT');
  });
});
