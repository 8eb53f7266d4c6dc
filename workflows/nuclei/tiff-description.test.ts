import { describe, expect, it } from 'vitest';
import { encodeOmeTiff } from '../../src/lib/ome-tiff.ts';
import { describeTiff } from './tiff-description.ts';

describe('describeTiff', () => {
  it('reads axes and scale from OME-XML, in any unit of length', () => {
    const xml = `<?xml version="1.0"?><OME xmlns="x"><Image><Pixels DimensionOrder='XYCZT' SizeC="2" SizeZ="3" SizeT="4"
      PhysicalSizeX="65" PhysicalSizeXUnit="nm" PhysicalSizeY="0.000065" PhysicalSizeYUnit="mm"/></Image></OME>`;
    const { axes, pixelSize } = describeTiff(xml);
    expect(axes).toEqual({ order: 'CZT', c: 2, z: 3, t: 4 });
    expect(pixelSize?.x).toBeCloseTo(0.065, 9);
    expect(pixelSize?.y).toBeCloseTo(0.065, 9);
  });

  it('understands what our own writer says', () => {
    const image = {
      width: 1,
      height: 1,
      pixels: new Uint8Array(1),
      name: 'a>b',
      channel: 'c',
      pixelSize: { x: 0.5, y: 2 },
    };
    const text = encodeOmeTiff(image).toString('latin1', 8);
    expect(describeTiff(text)).toEqual({ axes: { order: 'ZCT', z: 1, c: 1, t: 1 }, pixelSize: { x: 0.5, y: 2 } });
  });

  it.each(['<OME ><Pixels PhysicalSizeX="1" PhysicalSizeXUnit="parsec" PhysicalSizeY="1">', '<OME >', '', 'holiday'])(
    'does not guess a scale from %j',
    (text) => {
      expect(describeTiff(text).pixelSize).toBeNull();
    },
  );

  it("reads ImageJ's lines", () => {
    expect(describeTiff('ImageJ=1.48v\nimages=6\nchannels=3\nslices=2\nmode=grayscale\n').axes).toEqual({
      order: 'CZT',
      z: 2,
      c: 3,
      t: 1,
    });
  });
});
