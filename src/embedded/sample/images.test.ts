import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { readImage } from '../../../workflows/nuclei/read-image.ts';
import { segment } from '../../../workflows/nuclei/segment.ts';
import { makeSampleImages } from './images.ts';

describe('makeSampleImages', () => {
  it('makes the same images for the same seed and others for another', async () => {
    const [a, b, c] = [await temporaryFolder(), await temporaryFolder(), await temporaryFolder()];
    const [first] = await makeSampleImages(a, { seed: 5, count: 1, size: 128 });
    const [again] = await makeSampleImages(b, { seed: 5, count: 1, size: 128 });
    const [other] = await makeSampleImages(c, { seed: 6, count: 1, size: 128 });
    expect(again!.nuclei).toBe(first!.nuclei);
    expect((await readFile(again!.path)).equals(await readFile(first!.path))).toBe(true);
    expect((await readFile(other!.path)).equals(await readFile(first!.path))).toBe(false);
  });

  it('writes 16-bit OME-TIFF with scale and channel, four unless told', async () => {
    const folder = await temporaryFolder();
    const made = await makeSampleImages(folder, { seed: 1, size: 96 });
    expect(made.map((m) => m.path)).toEqual([1, 2, 3, 4].map((i) => `${folder}/nuclei_0${i}.ome.tif`));
    const { plane, pixelSize } = await readImage(made[0]!.path, 'auto');
    expect([plane.width, plane.height, pixelSize]).toEqual([96, 96, { x: 0.325, y: 0.325 }]);
    expect((await readFile(made[0]!.path)).toString('latin1')).toContain('Type="uint16"');
    expect((await readFile(made[0]!.path)).toString('latin1')).toContain('Name="DAPI"');
  });

  it('shows as many nuclei as it says: the workflow counts them within 2 % for 20 random seeds', async () => {
    const seeds = Array.from({ length: 20 }, () => Math.floor(Math.random() * 2 ** 31));
    const folder = await temporaryFolder();
    const counts: string[] = [];
    let truth = 0;
    let wrong = 0;
    for (const seed of seeds) {
      for (const { path, nuclei } of await makeSampleImages(folder, { seed, count: 2 })) {
        const { plane } = await readImage(path, 'auto');
        const found = segment(plane, { diameter: 0, minArea: 0, threshold: 'otsu' }).count;
        truth += nuclei;
        // Errors of opposite sign must not cancel out.
        wrong += Math.abs(found - nuclei);
        counts.push(`${seed}: ${found} of ${nuclei}`);
      }
    }
    process.stdout.write(`nuclei found by seed: ${counts.join(', ')}\n`);
    expect(truth).toBeGreaterThan(1500);
    expect(wrong / truth, counts.join(', ')).toBeLessThanOrEqual(0.02);
  }, 120_000);
});
