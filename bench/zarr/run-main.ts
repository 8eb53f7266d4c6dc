/**
 * `npm run bench:zarr`: a plate of 384 wells with 9 fields each, written by the Python packages, registered end to end:
 * from the order to its last row, with PostgreSQL and the OMERO stand-in on the same machine. Beside it the reading of
 * the metadata alone, ours and with the calls of the Python importer. `-- --help` lists the options.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { newObject } from '../../src/omero/model.ts';
import { rstring } from '../../src/omero/rtypes.ts';
import { fileResults } from '../../src/orders/file-results.ts';
import { placeOrder } from '../../src/orders/place-order.ts';
import { isTerminal, readOrder } from '../../src/orders/read-order.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { readStore } from '../../src/zarr/read-store.ts';
import { makeStores, zarrPython } from '../../test/support/python-zarr.ts';
import { machineLine, markdownTable, measureCommand } from '../support/measure.ts';
import { startSite } from './site.ts';

const { values } = parseArgs({
  options: {
    wells: { type: 'string', default: '384' },
    fields: { type: 'string', default: '9' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write('npm run bench:zarr -- [--wells 6|96|384] [--fields N]\n');
  process.exit(0);
}

const site = await startSite();
const rows = [['', 'zarr v2 (NGFF 0.4)', 'zarr v3 (NGFF 0.5)']];
try {
  const figures: Figures[] = [];
  for (const format of ['v2', 'v3']) figures.push(await measure(format));
  const column = (name: string, of: (f: Figures) => number): string[] => [
    name,
    ...figures.map((f) => of(f).toFixed(1)),
  ];
  rows.push(
    column('order to its last row, s', (f) => f.endToEnd),
    column('reading the metadata, s', (f) => f.reading),
    column("the same with the Python importer's calls, s", (f) => f.peer),
    column('ordered again, s', (f) => f.again),
  );
} finally {
  await site.stop();
}
process.stdout.write(`${machineLine()}\n\n${markdownTable(rows)}\n`);

interface Figures {
  endToEnd: number;
  again: number;
  reading: number;
  peer: number;
}

async function measure(format: string): Promise<Figures> {
  const path = join(site.folder, `plate_${format}.zarr`);
  process.stderr.write(`writing ${path}\n`);
  await makeStores(path, values.wells, values.fields, format);
  const peer = await measureCommand([zarrPython, packageFile('bench', 'zarr', 'read_peer.py'), path]);
  const started = performance.now();
  await readStore(path);
  const reading = (performance.now() - started) / 1000;
  const [screen = 0] = await site.session.saveGraphs([newObject('Screen', { name: rstring(format) })]);
  const endToEnd = await registered(path, screen);
  const again = await registered(path, screen);
  return { endToEnd, again, reading, peer: Number(peer.stdout.split(' ')[0]) };
}

async function registered(path: string, screen: number): Promise<number> {
  const started = performance.now();
  const uuid = randomUUID();
  await placeOrder(site.pool, {
    uuid,
    groupName: 'team',
    userName: 'ada',
    destinationType: 'Screen',
    destinationId: screen,
    files: [path],
    link: { taskId: randomUUID(), runId: randomUUID(), archivePath: site.folder, part: 1, retryOf: null },
  });
  let order = await readOrder(site.pool, uuid);
  for (; !order || !isTerminal(order.stage); order = await readOrder(site.pool, uuid)) await sleep(20);
  const { stage, description } = order;
  const [result] = await fileResults(site.pool, uuid);
  const images = Number(values.wells) * Number(values.fields);
  if (stage !== 'Import Completed' || result?.imageIds.length !== images)
    throw new Error(`${stage}: ${description ?? ''}; ${result?.imageIds.length} of ${images} images`);
  return (performance.now() - started) / 1000;
}
