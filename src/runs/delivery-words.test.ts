import { expect, test } from 'vitest';
import { deliveryView } from './delivery-words.ts';
import type { Delivered, Delivery } from './delivery.ts';
import { nothingAsked } from '../../test/support/delivery.ts';

const none: Delivered = { files: [], renamed: 0, rois: 0, notDone: [] };
const destination = { type: 'Dataset', id: 3, name: 'out' } as const;
const file = (what: Delivered['files'][number]['what'], name: string): Delivered['files'][number] => ({
  what,
  name,
  to: { type: 'Dataset', id: 3 },
  fileId: 1,
  annotationId: 2,
});

/** What was asked for, where, and what became of it, each as a line. */
function lines(
  asked: Partial<Delivery>,
  done: Partial<Delivered> | null,
  to: typeof destination | null = destination,
): string[] {
  const run = { delivery: { ...nothingAsked, ...asked }, delivered: done && { ...none, ...done }, destination: to };
  return (deliveryView(run)?.wishes ?? []).map(({ what, where, became }) => `${what} | ${where} | ${became}`);
}

test('where nothing was asked for, nothing is said', () => {
  expect(deliveryView({ delivery: null, delivered: null, destination })).toBeNull();
  expect(deliveryView({ delivery: nothingAsked, delivered: none, destination })).toBeNull();
});

test('what was asked for is said before anything became of it', () => {
  const project = { type: 'Project', id: 7 } as const;
  expect(lines({ zip: [project, 'destination'], rename: '{file}' }, null)).toEqual([
    'All results as one zip file | Project 7, Dataset 3 | null',
    'Images renamed to {file} | null | null',
  ]);
  expect(lines({ log: ['destination'] }, null, null)).toEqual(["The job's log | where the images go | null"]);
  expect(deliveryView({ delivery: { ...nothingAsked, log: [project] }, delivered: null, destination })).toMatchObject({
    finished: false,
    notDone: [],
  });
});

test('each thing that was asked for has what became of it, also when that is nothing', () => {
  const all: Partial<Delivery> = {
    importImages: false,
    zip: ['destination'],
    log: ['destination'],
    tables: ['destination'],
    files: ['destination'],
    sources: [],
    rename: 'a.{ext}',
    rois: { sources: [4], pattern: '*_m.tif', shape: 'mask', prefix: 'cell ', color: null, clear: { containing: 'x' } },
  };
  expect(lines(all, {})).toEqual([
    'Images stay out of OMERO | null | not imported',
    'All results as one zip file | Dataset 3 | nothing attached',
    "The job's log | Dataset 3 | nothing attached",
    'CSV files as OMERO.tables | Dataset 3 | no table',
    'Other files | Dataset 3 | nothing attached',
    "Image files beside their originals | the input images that BIOMERO's log names | nothing attached",
    'Images renamed to a.{ext} | null | no image renamed',
    'Label images (*_m.tif) as ROIs: masks, named cell …, in place of the older ones named …x… | Image 4 | no ROI made',
  ]);
  const files = [
    file('zip', '7_out.zip'),
    file('table', 'good.csv'),
    // A CSV file that is no table.
    file('file', 'broken.CSV'),
    file('file', 'notes.json'),
    file('file', 'tool.log'),
    file('image', 'a.tif'),
  ];
  const became = lines(all, { files, renamed: 1, rois: 12 }).map((line) => line.split(' | ')[2]);
  expect(became).toEqual([
    'not imported',
    '1 file attached',
    'nothing attached',
    '1 table, 1 plain file',
    '2 files attached',
    '1 file attached',
    '1 image renamed',
    '12 ROIs made',
  ]);
});

test('of many places only the first are named', () => {
  const sources = Array.from({ length: 12 }, (_, i) => i + 1);
  expect(lines({ sources }, null)[0]).toContain('Image 9, Image 10 and 2 more');
});
