import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { gaussianBlur } from '../../lib/gaussian-blur.ts';
import { encodeOmeTiff } from '../../lib/ome-tiff.ts';
import { seededRandom, type SeededRandom } from '../../lib/random.ts';
import { placeNuclei, type Nucleus } from './nuclei.ts';

export interface SampleImageOptions {
  seed: number;
  /** Images to make; 4 unless told. */
  count?: number;
  /** Width and height in pixels; 512 unless told. */
  size?: number;
  log?: Logger;
}

/** Micrometres per pixel of a 20x objective on a common camera. */
const pixelSize = 0.325;
/** Spread of the optics' blur, in pixels. */
const blur = 1.4;
const cameraOffset = 100;
const countsPerPhoton = 2;
const readNoise = 3;

/**
 * Writes 16-bit fluorescence images of nuclei as OME-TIFF, the same for the same seed.
 *
 * @returns for each file the true number of nuclei on it
 */
export async function makeSampleImages(
  folder: string,
  options: SampleImageOptions,
): Promise<{ path: string; nuclei: number }[]> {
  const { seed, count = 4, size = 512 } = options;
  const made: { path: string; nuclei: number }[] = [];
  for (let i = 1; i <= count; i++) {
    const name = `nuclei_${String(i).padStart(2, '0')}.ome.tif`;
    const path = join(folder, name);
    const random = seededRandom(seed, i);
    const nuclei = placeNuclei(random, size);
    const pixels = photograph(random, nuclei, size);
    await writeFile(
      path,
      encodeOmeTiff({
        width: size,
        height: size,
        pixels,
        name,
        channel: 'DAPI',
        pixelSize: { x: pixelSize, y: pixelSize },
      }),
    );
    options.log?.debug({ path, nuclei: nuclei.length }, 'sample image made');
    made.push({ path, nuclei: nuclei.length });
  }
  return made;
}

/** What a camera would record of these nuclei: chromatin texture, uneven background, blur, photon and read noise. */
export function photograph(random: SeededRandom, nuclei: readonly Nucleus[], size: number): Uint16Array {
  const noise = new Float32Array(size * size);
  for (let i = 0; i < noise.length; i++) noise[i] = random.normal();
  const texture = gaussianBlur(noise, size, size, 2.5);
  const light = new Float32Array(size * size);
  for (const nucleus of nuclei) {
    nucleus.visit(size, (x, y, depth) => {
      const at = y * size + x;
      // The blur of sigma 2.5 has left a deviation of about 0.11: this is a texture of some 12 %.
      const value = nucleus.brightness * (0.8 + 0.2 * depth) * Math.max(0.3, 1 + 1.1 * texture[at]!);
      light[at] = Math.max(light[at]!, value);
    });
  }
  const seen = gaussianBlur(light, size, size, blur);
  const direction = random.between(0, 2 * Math.PI);
  const level = random.between(60, 120);
  const slope = random.between(0.3, 0.8) * level;
  const pixels = new Uint16Array(size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const along = ((x - size / 2) * Math.cos(direction) + (y - size / 2) * Math.sin(direction)) / size;
      const photons = random.poisson(seen[y * size + x]! + level + slope * along);
      const counts = cameraOffset + countsPerPhoton * photons + readNoise * random.normal();
      pixels[y * size + x] = Math.max(0, Math.min(65_535, Math.round(counts)));
    }
  }
  return pixels;
}
