import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeOmeTiff } from '../../src/lib/ome-tiff.ts';
import { measure } from './measure.ts';
import { measurementLines, measurementsHead } from './measurements-csv.ts';
import type { Options } from './options.ts';
import type { Labels } from './plane.ts';
import { readImage } from './read-image.ts';
import { segment } from './segment.ts';

export interface Summary {
  images: { name: string; nuclei: number }[];
  failed: { name: string; reason: string }[];
}

/** A 16-bit mask has no number for more. */
const maxLabels = 65_535;

/**
 * Analyses every TIFF of a folder: a label mask per image and one table of all. An image that cannot be analysed is
 * reported and the rest goes on; what was written stays.
 *
 * @param say receives lines for the job's log; `43%` is progress
 * @throws Error when the folders themselves cannot be used
 */
export async function analyseFolder(options: Options, say: (line: string) => void): Promise<Summary> {
  const names = (await readdir(options.infolder)).filter((n) => /\.tiff?$/i.test(n) && !n.startsWith('.')).sort();
  await mkdir(options.outfolder, { recursive: true });
  const outputs = outputNames(names);
  const summary: Summary = { images: [], failed: [] };
  const tablePath = join(options.outfolder, 'measurements.csv');
  const table = await open(tablePath, 'w');
  try {
    await table.write(measurementsHead);
    for (const [index, name] of names.entries()) {
      say(`Reading ${JSON.stringify(name)} (${index + 1} of ${names.length})`);
      const progress = (share: number): void => say(`${Math.floor((100 * (index + share)) / names.length)}%`);
      try {
        const { plane, pixelSize } = await readImage(join(options.infolder, name), options.channel);
        progress(0.2);
        const labels = segment(plane, options);
        progress(0.8);
        const output = outputs.get(name) ?? '';
        await writeWhole(join(options.outfolder, output), encodeMask(labels, output, pixelSize));
        await table.write(measurementLines(name, measure(plane, labels), pixelSize));
        say(`${labels.count} nuclei in ${JSON.stringify(name)}`);
        summary.images.push({ name, nuclei: labels.count });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        say(`Failed: ${JSON.stringify(name)} could not be analysed: ${reason}`);
        summary.failed.push({ name, reason });
      }
      progress(1);
    }
  } finally {
    await table.close();
  }
  return summary;
}

/** @throws Error when there are more labels than 16 bit can number */
export function encodeMask(labels: Labels, name: string, pixelSize: { x: number; y: number } | null): Buffer {
  if (labels.count > maxLabels)
    throw new Error(`${labels.count} objects were found, more than the ${maxLabels} that a 16-bit mask can number`);
  return encodeOmeTiff({
    width: labels.width,
    height: labels.height,
    pixels: Uint16Array.from(labels.data),
    name,
    channel: 'nuclei labels',
    pixelSize,
  });
}

/** `cells.ome.tif` -> `cells_labels.ome.tif`. Where two inputs would share a mask, the whole name tells them apart. */
export function outputNames(names: readonly string[]): Map<string, string> {
  const stem = (name: string): string => name.replace(/(?:\.ome)?\.tiff?$/i, '');
  const taken = new Map<string, number>();
  for (const name of names) taken.set(stem(name), (taken.get(stem(name)) ?? 0) + 1);
  return new Map(names.map((n) => [n, `${taken.get(stem(n)) === 1 ? stem(n) : n}_labels.ome.tif`]));
}

/** Writes under a hidden name first, so that a file of the final name is always whole. */
async function writeWhole(path: string, bytes: Buffer): Promise<void> {
  const building = join(path, '..', '.mask.partial');
  try {
    await writeFile(building, bytes);
    await rename(building, path);
  } catch (error) {
    await rm(building, { force: true });
    throw error;
  }
}
