import { printable } from '../domain/errors.ts';
import type { RunView } from '../runs/view.ts';
import { formatBytes, formatTable, oneLine } from './format.ts';

/** A map annotation as it was read back from OMERO. */
export interface ReadAnnotation {
  targetId: number;
  ns: string;
  pairs: [string, string][];
}

/** Of many attached files only so many are named. */
const namedFiles = 10;
const longLine = 300;

/** What came out of a run, for the end of `start` and for `status RUN`. */
export function runReport(view: RunView, annotations: ReadAnnotation[] | null, address: string | null): string {
  const rows: string[][] = [
    ['Run', view.id],
    ['Status', `${view.status}: ${printable(view.sentence)}`],
  ];
  if (view.archive)
    rows.push(
      ['Archive', printable(view.archive.path)],
      ['', `${view.archive.files} files, ${formatBytes(view.archive.bytes)}, every checksum verified`],
    );
  if (view.destination)
    rows.push([view.destination.type, `${view.destination.id}  "${printable(view.destination.name)}"`]);
  let label = 'Images';
  for (const r of view.results.filter((result) => result.kind === 'image')) {
    const ids = r.imageIds.length
      ? `Image ${r.imageIds.join(', ')}`
      : r.plateIds.length
        ? `Plate ${r.plateIds.join(', ')}`
        : r.import;
    rows.push([label, `${ids}  ${printable(r.path)}${r.error ? `  (${printable(r.error)})` : ''}`]);
    label = '';
  }
  if (annotations?.length) {
    const namespaces = [...new Set(annotations.map((a) => a.ns))].sort();
    const images = new Set(annotations.map((a) => a.targetId)).size;
    rows.push(['Annotations', `${annotations.length} on ${images} images: ${namespaces.map(printable).join(', ')}`]);
  }
  rows.push(...deliveryRows(view));
  if (view.failure) {
    rows.push(['Failed', `${view.failure.code} in step ${view.failure.step}: ${printable(view.failure.message)}`]);
    rows.push(
      ['Safe', printable(view.failure.safe)],
      ['To do', `${printable(view.failure.remedy)} (${view.failure.who})`],
    );
    if (view.failure.repeatable) rows.push(['', `biomero-bridge retry ${view.id}`]);
  }
  if (view.state === 'done' && view.clusterData.state !== 'remove') {
    const { path, state, detail } = view.clusterData;
    const kept = detail === null ? 'kept' : `kept: ${printable(detail)}`;
    rows.push(['On cluster', state === 'removed' ? 'removed' : `${printable(path)}  (${kept})`]);
  }
  if (address) rows.push(['Page', `${address}/runs/${view.id}`]);
  return formatTable(rows);
}

/** What was asked for beside the import, what was attached for it, and what could not be done. */
function deliveryRows({ delivery, endedAt }: RunView): string[][] {
  if (!delivery) return [];
  const open = endedAt === null ? 'not yet' : 'not done';
  const rows: string[][] = [];
  for (const { what, where, became, files } of delivery.wishes) {
    const asked = where === null ? what : `${what}, on ${where}`;
    rows.push([rows.length ? '' : 'Asked for', `${oneLine(asked, longLine)}: ${became ?? open}`]);
    for (const { name, to } of files.slice(0, namedFiles))
      rows.push(['', `  ${oneLine(name, longLine)}  ${to.type} ${to.id}`]);
    if (files.length > namedFiles) rows.push(['', `  and ${files.length - namedFiles} more`]);
  }
  delivery.notDone.forEach((sentence, i) => rows.push([i ? '' : 'Not done', oneLine(sentence, longLine)]));
  return rows;
}
