import type { Delivered, DeliveryTarget, RoiWish } from './delivery.ts';
import type { Run } from './run.ts';
import type { DeliveryView, WishView } from './view.ts';

type File = Delivered['files'][number];

/**
 * What was asked for beside the import, each with what became of it, in words for people; null where nothing was. Names
 * and patterns in it are as somebody has typed them.
 */
export function deliveryView({
  delivery: asked,
  delivered: done,
  destination,
}: Pick<Run, 'delivery' | 'delivered' | 'destination'>): DeliveryView | null {
  if (!asked) return null;
  const on = (targets: readonly DeliveryTarget[]): string =>
    listed(
      targets.map((to) =>
        to !== 'destination'
          ? `${to.type} ${to.id}`
          : destination
            ? `${destination.type} ${destination.id}`
            : 'where the images go',
      ),
    );
  const attached = (is: (file: File) => boolean): File[] => done?.files.filter(is) ?? [];
  const isCsv = (file: File): boolean => file.name.toLowerCase().endsWith('.csv');
  const wish = (what: string, where: string | null, files: File[], became: string): WishView => ({
    what,
    where,
    became: done && became,
    files,
  });
  const wishes: WishView[] = [];
  if (!asked.importImages) wishes.push(wish('Images stay out of OMERO', null, [], 'not imported'));
  if (asked.zip.length) {
    const files = attached((file) => file.what === 'zip');
    wishes.push(wish('All results as one zip file', on(asked.zip), files, timesAttached(files)));
  }
  if (asked.log.length) {
    const files = attached((file) => file.what === 'log');
    wishes.push(wish("The job's log", on(asked.log), files, timesAttached(files)));
  }
  if (asked.tables.length) {
    const tables = attached((file) => file.what === 'table');
    const plain = attached((file) => file.what === 'file' && isCsv(file));
    const became = [count(tables.length, 'table'), ...(plain.length ? [count(plain.length, 'plain file')] : [])];
    wishes.push(wish('CSV files as OMERO.tables', on(asked.tables), [...tables, ...plain], became.join(', ')));
  }
  if (asked.files.length) {
    const files = attached((file) => file.what === 'file' && !isCsv(file));
    wishes.push(wish('Other files', on(asked.files), files, timesAttached(files)));
  }
  if (asked.sources !== null) {
    const files = attached((file) => file.what === 'image');
    wishes.push(wish('Image files beside their originals', images(asked.sources), files, timesAttached(files)));
  }
  if (asked.rename !== null)
    wishes.push(wish(`Images renamed to ${asked.rename}`, null, [], `${count(done?.renamed ?? 0, 'image')} renamed`));
  if (asked.rois !== null)
    wishes.push(wish(roisWords(asked.rois), images(asked.rois.sources), [], `${count(done?.rois ?? 0, 'ROI')} made`));
  if (wishes.length === 0) return null;
  return { wishes, notDone: done?.notDone ?? [], finished: done !== null };
}

function roisWords({ pattern, shape, prefix, clear }: RoiWish): string {
  const parts = [`Label images${pattern === null ? '' : ` (${pattern})`} as ROIs: ${shape}s`];
  if (prefix !== '') parts.push(`named ${prefix}…`);
  if (clear !== null) parts.push(`in place of the older ones named …${clear.containing}…`);
  return parts.join(', ');
}

const images = (ids: readonly number[]): string =>
  ids.length ? listed(ids.map((id) => `Image ${id}`)) : "the input images that BIOMERO's log names";

const timesAttached = (files: readonly File[]): string =>
  files.length === 0 ? 'nothing attached' : `${count(files.length, 'file')} attached`;

const count = (n: number, word: string): string => (n === 0 ? `no ${word}` : n === 1 ? `1 ${word}` : `${n} ${word}s`);

/** A few of many. */
function listed(words: readonly string[]): string {
  const more = words.length - 10;
  return more > 0 ? `${words.slice(0, 10).join(', ')} and ${more} more` : words.join(', ');
}
