import type { ChannelChoice } from './read-image.ts';

export interface Options {
  infolder: string;
  outfolder: string;
  diameter: number;
  minArea: number;
  threshold: 'otsu' | number;
  channel: ChannelChoice;
}

/** A command line that cannot be followed; the message says which word and what would be right. */
export class UsageError extends Error {}

export const usage = `Usage: nuclei --infolder DIR --outfolder DIR [options]

  --infolder DIR      folder with TIFF or OME-TIFF images (its subfolders are not read)
  --outfolder DIR     folder for <name>_labels.ome.tif and measurements.csv
  --diameter N        usual diameter of a nucleus in pixels; 0 (default): taken from the image
  --min_area N        smallest area of a nucleus in pixels; 0 (default): 15 % of the usual area
  --threshold T       "otsu" (default) or a brightness
  --channel C         auto (default: blue of colours, else the first), luminance, red,
                      green, blue, or a channel's number from 1
  --gtfolder DIR, --local, -nmc
                      accepted as every BIAFLOWS workflow does; without effect here`;

const ignoredWithValue = new Set(['--gtfolder']);
const ignored = new Set(['--local', '-nmc', '--nmc']);
const known = new Set(['--infolder', '--outfolder', '--diameter', '--min_area', '--threshold', '--channel']);

/**
 * Reads `--flag value` and `--flag=value`.
 *
 * @throws UsageError for an unknown flag, a missing or a wrong value
 */
export function readOptions(argv: readonly string[]): Options {
  const values = new Map<string, string>();
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? '';
    const equals = word.indexOf('=');
    const flag = equals > 0 ? word.slice(0, equals) : word;
    if (ignored.has(flag) && equals < 0) continue;
    if (!known.has(flag) && !ignoredWithValue.has(flag))
      throw new UsageError(`Unknown option ${JSON.stringify(flag)}.`);
    const value = equals > 0 ? word.slice(equals + 1) : argv[++i];
    if (value === undefined) throw new UsageError(`${flag} needs a value.`);
    values.set(flag, value);
  }
  const threshold = values.get('--threshold') ?? 'otsu';
  return {
    infolder: folder(values, '--infolder'),
    outfolder: folder(values, '--outfolder'),
    diameter: number('--diameter', values.get('--diameter') ?? '0'),
    minArea: number('--min_area', values.get('--min_area') ?? '0'),
    threshold: threshold.toLowerCase() === 'otsu' ? 'otsu' : number('--threshold', threshold),
    channel: channel(values.get('--channel') ?? 'auto'),
  };
}

function folder(values: Map<string, string>, flag: string): string {
  const value = values.get(flag);
  if (!value) throw new UsageError(`${flag} is needed.`);
  return value;
}

function number(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new UsageError(`${flag} takes a number that is not negative, not ${JSON.stringify(text)}.`);
  return value;
}

function channel(text: string): ChannelChoice {
  const word = text.toLowerCase();
  if (word === 'auto' || word === 'luminance' || word === 'red' || word === 'green' || word === 'blue') return word;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new UsageError(
    `--channel takes auto, luminance, red, green, blue or a number from 1, not ${JSON.stringify(text)}.`,
  );
}
