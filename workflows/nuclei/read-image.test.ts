import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeOmeTiff } from '../../src/lib/ome-tiff.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { readImage, type ChannelChoice } from './read-image.ts';
import { plainTiff } from './testing/tiff.ts';

async function read(bytes: Buffer, channel: ChannelChoice = 'auto'): Promise<number[]> {
  const path = join(await temporaryFolder('tiff'), 'image.tif');
  await writeFile(path, bytes);
  return [...(await readImage(path, channel)).plane.data];
}

const u8 = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe('readImage', () => {
  it('reads grey of 8 and of 16 bit', async () => {
    expect(await read(plainTiff(2, 2, [u8(1, 2, 3, 250)]))).toEqual([1, 2, 3, 250]);
    expect(await read(plainTiff(2, 2, [Uint16Array.of(1, 2, 3, 65_000)]))).toEqual([1, 2, 3, 65_000]);
    expect(await read(plainTiff(2, 1, [u8(0, 200)], { photometric: 0 }))).toEqual([255, 55]);
  });

  it('takes the scale of an OME-TIFF', async () => {
    const path = join(await temporaryFolder('tiff'), 'image.ome.tif');
    const pixelSize = { x: 0.25, y: 0.25 };
    await writeFile(path, encodeOmeTiff({ width: 1, height: 1, pixels: u8(7), name: 'n', channel: 'c', pixelSize }));
    expect(await readImage(path, 'auto')).toEqual({
      plane: { width: 1, height: 1, data: Float32Array.of(7) },
      pixelSize,
    });
  });

  it('takes blue of colours, their luminance when there is hardly any blue, or what it is told', async () => {
    const colours = { samples: 3, photometric: 2 };
    const stained = plainTiff(2, 1, [u8(10, 20, 200, 30, 40, 50)], colours);
    expect(await read(stained)).toEqual([200, 50]);
    expect(await read(stained, 'red')).toEqual([10, 30]);
    expect(await read(stained, 2)).toEqual([20, 40]);
    const [first] = await read(stained, 'luminance');
    expect(first).toBeCloseTo(0.2126 * 10 + 0.7152 * 20 + 0.0722 * 200, 3);
    const [noBlue] = await read(plainTiff(2, 1, [u8(0, 100, 1, 0, 200, 9)], colours));
    expect(noBlue).toBeCloseTo(0.7152 * 100 + 0.0722, 3);
  });

  it('takes the brightest value through focal planes, of the chosen channel, at the first time point', async () => {
    const pages = [u8(1, 9), u8(50, 50), u8(7, 2), u8(60, 40), u8(255, 255), u8(0, 0), u8(255, 255), u8(0, 0)];
    const xml = '<OME ><Pixels DimensionOrder="XYCZT" SizeC="2" SizeZ="2" SizeT="2"/></OME>';
    const file = plainTiff(2, 1, pages, { description: xml });
    expect(await read(file)).toEqual([7, 9]);
    expect(await read(file, 2)).toEqual([60, 50]);
    await expect(read(file, 3)).rejects.toThrow('it has 2 channels; channel 3 was asked for');
    const imageJ = plainTiff(2, 1, pages.slice(0, 4), { description: 'ImageJ=1.5\nchannels=2\nslices=2\n' });
    expect(await read(imageJ, 2)).toEqual([60, 50]);
    expect(await read(plainTiff(2, 1, pages.slice(0, 3)))).toEqual([50, 50]);
  });

  it('says what is wrong with a file that it cannot read', async () => {
    const good = encodeOmeTiff({
      width: 90,
      height: 90,
      pixels: new Uint8Array(8100),
      name: '',
      channel: '',
      pixelSize: null,
    });
    await expect(read(Buffer.from('just text'))).rejects.toThrow('not a TIFF');
    await expect(read(Buffer.alloc(0))).rejects.toThrow('not a TIFF');
    await expect(read(plainTiff(2, 1, [u8(1, 2)]), 'red')).rejects.toThrow('no colours');
    const plain = plainTiff(64, 64, [new Uint8Array(4096), new Uint8Array(4096)]);
    for (const file of [good, plain])
      for (const share of [0.02, 0.3, 0.6, 0.9, 0.99])
        await expect(read(file.subarray(0, Math.floor(file.length * share)))).rejects.toThrow();
  });

  it('refuses a plane of more pixels than it can hold, before it takes memory for it', async () => {
    const file = plainTiff(2, 1, [u8(1, 2)]);
    const width = file.indexOf(Buffer.from([0, 1, 4, 0, 1, 0, 0, 0, 2, 0, 0, 0])) + 8;
    file.writeUInt32LE(2_000_000_000, width);
    await expect(read(file)).rejects.toThrow(/2000000000 x 1 pixels/);
  });
});
