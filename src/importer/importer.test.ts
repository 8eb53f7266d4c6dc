import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { fresh, TestClient } from '../embedded/omero/testing.ts';
import { rstring } from '../omero/rtypes.ts';
import { fileResults } from '../orders/file-results.ts';
import { readOrder } from '../orders/read-order.ts';
import { ImporterSite } from './testing/importer-site.ts';

let site: ImporterSite;
beforeAll(async () => {
  site = await ImporterSite.open();
});
afterEach(() => site.stop());
afterAll(() => site?.drop());

const imageNames = async (dataset: number): Promise<string[]> =>
  (await site.alice.imagesIn(dataset)).map((i) => i.name).sort();

test('an order is imported in one process, annotated and completed', async () => {
  const dataset = await site.dataset();
  const files = [await site.image('one/a.tif'), await site.image('one/b.tif'), await site.image('one/µ c.tif')];
  await writeFile(join(site.storage, 'annotate', 'one', 'metadata.csv'), 'Job_ID,7\nWorkflow,nuclei\n');
  const uuid = await site.order(files, dataset);
  site.importer();
  const order = await site.closed(uuid);
  expect(order).toMatchObject({
    stage: 'Import Completed',
    description: null,
    files: { total: 3, imported: 3, failed: 0 },
  });
  expect(await site.stages(uuid)).toEqual(['Pending', 'Started', 'Completed']);
  expect(await imageNames(dataset)).toEqual(['a.tif', 'b.tif', 'µ c.tif']);

  const results = await fileResults(site.database.pool, uuid);
  expect(results.map((r) => [r.path, r.state, r.imageIds.length])).toEqual(files.map((f) => [f, 'imported', 1]));
  const image = results[2]?.imageIds[0] ?? 0;
  const [annotation, ...others] = await site.alice.mapAnnotations('Image', [image], 'biomero.import');
  expect(others).toEqual([]);
  expect(annotation?.pairs.map(([key]) => key)).toEqual(
    ['UUID', 'Filepath', 'Group', 'Username', 'DestinationID', 'DestinationType', 'Import_Timestamp'].concat([
      'csv_Job_ID',
      'csv_Workflow',
    ]),
  );
  expect(Object.fromEntries(annotation?.pairs ?? [])).toMatchObject({
    UUID: uuid,
    Filepath: files[2],
    csv_Job_ID: '7',
  });

  const { rows } = await site.database.pool.query(
    `select stage, files, file_names, group_name, destination_id, "timestamp" is not null as timed from imports
     where uuid = $1 order by id`,
    [uuid],
  );
  expect(new Set(rows.map((r) => r['files'])).size).toBe(1);
  expect(rows.map((r) => r['file_names'])).toEqual(['[]', '[]', '["a.tif", "...", "\\u00b5 c.tif"]']);
  expect(
    rows.every((r) => r['timed'] && r['group_name'] === 'annotate' && r['destination_id'] === String(dataset)),
  ).toBe(true);
  expect(await site.some('select 1 from bridge.import_sessions where order_uuid = $1', [uuid])).toBe(false);
});

test('what can be imported is imported, and the order says what could not, and why', async () => {
  const dataset = await site.dataset();
  const files = [
    await site.image('two/good.tif'),
    await site.image('two/broken.tif', Buffer.from('II*\0nothing')),
    await site.image('two/text.tif', Buffer.from('this is no image')),
    await site.image('two/secret.tif'),
    join(site.storage, 'annotate', 'two', 'gone.tif'),
    '/etc/passwd',
  ];
  await chmod(files[3] ?? '', 0o000);
  const uuid = await site.order(files, dataset);
  site.importer();
  const order = await site.closed(uuid);
  expect(order.stage).toBe('Import Failed');
  expect(order.description).toMatch(/^1 of 6 files imported\. .+: .+; .+: .+; and 2 more$/);
  expect(await imageNames(dataset)).toEqual(['good.tif']);
  const results = await fileResults(site.database.pool, uuid);
  expect(results.map((r) => r.state)).toEqual(['imported', ...Array.from({ length: 5 }, () => 'failed')]);
  const errors = results.map((r) => r.error);
  expect(errors[2]).toMatch(/not known to Bio-Formats|could not be read/);
  expect(errors[3]).toMatch(/EACCES|permission|read/i);
  expect(errors[4]).toBe('it does not exist');
  expect(errors[5]).toMatch(/outside the folders of group annotate/);

  // A second order for all of them imports only what is missing.
  await chmod(files[3] ?? '', 0o644);
  const again = await site.order(files.slice(0, 4), dataset);
  await site.closed(again);
  expect((await fileResults(site.database.pool, again)).map((r) => r.state)).toEqual([
    'already-there',
    'failed',
    'failed',
    'imported',
  ]);
  expect(await imageNames(dataset)).toEqual(['good.tif', 'secret.tif']);
});

test.each<[string, Record<string, unknown>, RegExp]>([
  ['files that are not JSON', { files: '["/a.tif' }, /not JSON/],
  ['an unknown destination type', { destination_type: 'Project' }, /destination type is "Project"/],
  ['a destination that is no id', { destination_id: '-1' }, /destination id is "-1"/],
  ['no group', { group_name: '' }, /names no group/],
  ['a uuid that is a path', { uuid: '/../../tmp/x' }, /uuid/],
  ['an unknown user', { user_name: 'mallory' }, /OMERO has no user mallory/],
  ['an unknown group', { group_name: 'nobody' }, /OMERO has no group nobody/],
  ['a user of another group', { user_name: 'carol' }, /carol is not a member of group annotate/],
  ['a dataset that is gone', { destination_id: '999999' }, /Dataset 999999 does not exist in group annotate/],
])('an order with %s fails with that sentence, once, and stops nobody', async (_, change, reason) => {
  const dataset = await site.dataset();
  const bad = await site.row(change);
  const good = await site.order([await site.image(`three/${dataset}.tif`)], dataset);
  site.importer();
  expect((await site.closed(good)).stage).toBe('Import Completed');
  const order = await site.closed(bad);
  expect(order.stage).toBe('Import Failed');
  expect(order.description).toMatch(reason);
  expect((await site.stages(bad)).filter((s) => s === 'Failed')).toHaveLength(1);
});

test('an order into a dataset of another group or user is refused', async () => {
  const path = await site.image('four/a.tif');
  const dataset = await site.dataset();
  const foreignGroup = await site.order([path], dataset, { groupName: 'write' });
  const foreignUser = await site.order([path], dataset, { userName: 'bob' });
  site.importer();
  expect((await site.closed(foreignGroup)).description).toMatch(/does not exist in group write/);
  expect((await site.closed(foreignUser)).description).toMatch(/bob may not add images to Dataset/);
  expect(await imageNames(dataset)).toEqual([]);
});

test('plates of a screen are found again and annotated; what the destination cannot hold is not imported twice', async () => {
  const client = await TestClient.named(site.omero.port, 'alice', 'annotate');
  const screen = await client.save(fresh('Screen', { name: rstring('screen') }));
  client.close();
  const dataset = await site.dataset();
  const [plate, image] = [await site.image('five/plate.tif'), await site.image('five/image.tif')];
  const intoScreen = { destinationType: 'Screen' as const };
  const first = await site.order([plate], screen, intoScreen);
  const second = await site.order([image], dataset);
  site.importer();
  for (const uuid of [first, second]) expect((await site.closed(uuid)).stage).toBe('Import Completed');
  const [result] = await fileResults(site.database.pool, first);
  expect(await site.alice.mapAnnotations('Plate', result?.plateIds ?? [], 'biomero.import')).toHaveLength(1);

  const again = await site.order([plate, image], screen, intoScreen);
  expect((await site.closed(again)).description).toMatch(/^1 of 2 files imported. image.tif: .* not as a plate/);
  const wrong = await site.order([plate], dataset);
  expect((await site.closed(wrong)).description).toMatch(/order it into a screen/);
  expect(await site.alice.filesetsByClientPath([plate, image])).toHaveLength(2);
});

test('a lower id that commits after a higher one is found', async () => {
  const late = await site.database.pool.connect();
  const dataset = await site.dataset();
  const path = await site.image('six/late.tif');
  try {
    await late.query('begin');
    const lower = await site.row({ destination_id: String(dataset), files: JSON.stringify([path]) }, late);
    const higher = await site.order([await site.image('six/early.tif')], dataset);
    site.importer();
    await site.closed(higher);
    await late.query('commit');
    expect((await site.closed(lower)).stage).toBe('Import Completed');
  } finally {
    late.release();
  }
  expect(await imageNames(dataset)).toEqual(['early.tif', 'late.tif']);
});

test('three importers share the orders, and each image is there once', async () => {
  const dataset = await site.dataset();
  const uuids: string[] = [];
  for (let i = 0; i < 6; i++) uuids.push(await site.order([await site.image(`seven/${i}.tif`)], dataset));
  for (let i = 0; i < 3; i++) site.importer({ change: { maxWorkers: 1 } });
  for (const uuid of uuids) {
    await site.closed(uuid);
    expect(await site.stages(uuid)).toEqual(['Pending', 'Started', 'Completed']);
  }
  expect(await imageNames(dataset)).toEqual([0, 1, 2, 3, 4, 5].map((i) => `${i}.tif`));
}, 180_000);

test('what the site lacks fails no order: it waits, says why, and goes on when it is there', async () => {
  const dataset = await site.dataset();
  const uuid = await site.order([await site.image('eight/a.tif')], dataset);
  const { stop } = site.importer({ change: { command: ['/nowhere/omero', 'import'] } });
  const order = await site.until(async () => {
    const state = await readOrder(site.database.pool, uuid);
    return (state?.trouble?.failures ?? 0) > 1 ? state : null;
  });
  expect(order).toMatchObject({ stage: 'Import Started', trouble: { code: 'IMPORT_PROGRAM_NOT_STARTED' } });
  expect(order.trouble?.reason).toMatch(/\/nowhere\/omero could not be started/);
  stop();
  site.importer();
  expect(await site.closed(uuid)).toMatchObject({ stage: 'Import Completed', trouble: null });
  expect(await site.stages(uuid)).toEqual(['Pending', 'Started', 'Completed']);
});

test('a stage that another importer wrote stops the claiming, and is said', async () => {
  const dataset = await site.dataset();
  const path = await site.image('nine/a.tif');
  await site.importer().begun();
  const foreign = await site.row({ stage: 'Import Started' });
  await site.until(() =>
    site.some(`select 1 from bridge.heartbeats where detail->>'stopped' like $1`, [`%${foreign}%`]),
  );
  const uuid = await site.order([path], dataset);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(await site.stages(uuid)).toEqual(['Pending']);
  await site.stop();
  // Restarted by somebody who stopped the other one: what stands is history.
  site.importer();
  await site.closed(uuid);
}, 180_000);

test('an order that another importer began after this one is left to it', async () => {
  await site.importer().begun();
  const client = await site.database.pool.connect();
  let uuid: string;
  try {
    await client.query('begin');
    uuid = await site.row({}, client);
    await site.row({ uuid, stage: 'Import Started' }, client);
    await client.query('commit');
  } finally {
    client.release();
  }
  await site.until(() => site.some(`select 1 from bridge.heartbeats where detail->>'stopped' like $1`, [`%${uuid}%`]));
  expect(await site.stages(uuid)).toEqual(['Pending', 'Started']);
});
