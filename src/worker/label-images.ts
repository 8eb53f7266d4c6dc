import { fitsPattern } from '../lib/file-pattern.ts';
import { divideName, sourceOf } from './result-names.ts';

interface Source {
  id: number;
  name: string;
}

/** A label image, and the image that it was made from. */
export interface LabelImage {
  /** As it was given. */
  readonly path: string;
  readonly source: Source;
}

const words = /mask|label|segment|instance|prediction/i;
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/**
 * The label images among results, and sentences about what was passed over. With a pattern those whose name or path below
 * the results fits; without, the only result of an image, or the one whose name, apart from the image's, has a word for
 * labels. Pure.
 *
 * @param paths of images, below the archive
 */
export function labelImagesAmong(
  paths: readonly string[],
  sources: readonly Source[],
  pattern: string | null,
): { found: LabelImage[]; passedOver: string[] } {
  const passedOver: string[] = [];
  const [only] = sources.length === 1 ? sources : [];
  const matched = paths.flatMap((path) => {
    const below = path.replace(/^[^/]+_out\/data\/out\//, '');
    if (pattern !== null && !fitsPattern(nameOf(path), pattern) && !fitsPattern(below, pattern)) return [];
    const source = sourceOf(nameOf(path), sources) ?? only;
    if (!source)
      passedOver.push(`${nameOf(path)} became no ROIs: its name does not tell which image it was made from.`);
    return source ? [{ path, source }] : [];
  });
  if (pattern !== null) {
    if (paths.length && !matched.length && !passedOver.length)
      passedOver.push(`No ROIs were made: no result is named like '${pattern}'.`);
    return { found: matched, passedOver };
  }
  const found: LabelImage[] = [];
  for (const [source, own] of bySource(matched)) {
    const named = own.length > 1 ? own.filter(({ path }) => words.test(ownPart(nameOf(path), source))) : own;
    if (named.length === 1) found.push(...named);
    else
      passedOver.push(
        `Image ${source.id} got no ROIs: ${named.length || 'none'} of its ${own.length} results ${named.length > 1 ? 'are' : 'is'} named as a label image.`,
      );
  }
  return { found, passedOver };
}

function bySource(images: readonly LabelImage[]): Map<Source, LabelImage[]> {
  const groups = new Map<Source, LabelImage[]>();
  for (const image of images) {
    const group = groups.get(image.source);
    if (group) group.push(image);
    else groups.set(image.source, [image]);
  }
  return groups;
}

/** A result's name without that of its source: what an image is called says nothing about its results. */
function ownPart(name: string, source: Source): string {
  const { file } = divideName(name);
  const stem = divideName(source.name).file;
  return file.startsWith(stem) ? file.slice(stem.length) : file;
}
