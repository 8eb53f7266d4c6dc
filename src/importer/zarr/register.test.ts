import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { project } from '../../omero/queries/project.ts';
import { OmeroLink } from '../../omero/link.ts';
import { newObject } from '../../omero/model.ts';
import { rstring } from '../../omero/rtypes.ts';
import { fileResults } from '../../orders/file-results.ts';
import { ImporterSite } from '../testing/importer-site.ts';
import { imageFiles, plateFiles, writeFiles } from '../../zarr/testing.ts';

let site: ImporterSite;
beforeAll(async () => {
  site = await ImporterSite.open();
}, 180_000);
afterAll(() => site.drop());

const folder = (name: string): string => join(site.storage, 'annotate', name);

test('an importer that is killed in the midst of a plate leaves nothing twice and nothing missing', async () => {
  const path = await writeFiles(folder('killed.zarr'), plateFiles(16, 24));
  const [screen = 0] = await site.alice.saveGraphs([newObject('Screen', { name: rstring('killed') })]);
  const link = await OmeroLink.open(site.config().omero, site.alice.key, site.alice.key);
  const wells = async (): Promise<number> => (await project(link, 'select w.id from Well w', {})).length;
  const uuid = await site.order([path], screen, { destinationType: 'Screen' });
  for (const atLeast of [1, 60]) {
    const victim = site.process();
    await site.until(async () => (await wells()) >= atLeast, 120_000);
    victim.kill('SIGKILL');
  }
  expect(await wells(), 'the last kill came in time').toBeLessThan(384);
  expect(await project(link, 'select l.id from ScreenPlateLink l', {}), 'half a plate is not shown').toEqual([]);
  site.process();
  expect((await site.closed(uuid, 120_000)).stage).toBe('Import Completed');
  const [result] = await fileResults(site.database.pool, uuid);
  expect([result?.plateIds.length, result?.imageIds.length]).toEqual([1, 384]);
  expect(await wells()).toBe(384);
  expect(await project(link, 'select i.id from Image i', {})).toHaveLength(384);
  expect(await project(link, 'select p.id from Plate p', {})).toHaveLength(1);
  await link.close();
  await site.stop();
}, 300_000);

test('an image of a try that broke off before it was linked is linked, and not made a second time', async () => {
  const dataset = await site.dataset();
  const path = await writeFiles(folder('unlinked.zarr'), imageFiles());
  const externalInfo = newObject('ExternalInfo', {
    entityId: { $type: '::omero::RLong', val: 3 },
    entityType: rstring('com.glencoesoftware.ngff:multiscales'),
    lsid: rstring(path),
  });
  const details = { $type: '::omero::model::Details', externalInfo };
  const [orphan = 0] = await site.alice.saveGraphs([newObject('Image', { name: rstring('unlinked'), details })]);
  site.importer();
  const uuid = await site.order([path], dataset);
  expect((await site.closed(uuid)).stage).toBe('Import Completed');
  expect((await fileResults(site.database.pool, uuid))[0]).toMatchObject({ state: 'imported', imageIds: [orphan] });
  expect((await site.alice.imagesIn(dataset)).map((i) => i.id)).toEqual([orphan]);
  await site.stop();
});

test('a broken store fails with its reason, and the others of the order are there', async () => {
  const dataset = await site.dataset();
  const good = await writeFiles(folder('good.zarr'), imageFiles());
  const bad = await writeFiles(folder('bad.zarr'), { ...imageFiles(), '.zattrs': '{' });
  const elsewhere = await writeFiles(join(site.storage, 'private', 'elsewhere.zarr'), imageFiles());
  site.importer();
  const uuid = await site.order([bad, good, elsewhere], dataset);
  const { stage, description } = await site.closed(uuid);
  expect(stage).toBe('Import Failed');
  expect(description).toContain('bad.zarr: .zattrs is not valid JSON');
  expect(description).toContain('outside the folders of group annotate');
  expect((await site.alice.imagesIn(dataset)).map((i) => i.name)).toEqual(['good']);
  await site.stop();
});

test('a store goes to another user, group or dataset as a further image, and never out of its group', async () => {
  const path = await writeFiles(folder('shared.zarr'), imageFiles());
  const [one, two] = [await site.dataset(), await site.dataset()];
  site.importer();
  for (const dataset of [one, two, one]) await site.closed(await site.order([path], dataset));
  expect([await site.alice.imagesIn(one), await site.alice.imagesIn(two)].map((images) => images.length)).toEqual([
    1, 1,
  ]);
  await site.stop();
});

test('with registration switched off a store is imported through Bio-Formats, once, and its reason is told', async () => {
  const dataset = await site.dataset();
  const path = await writeFiles(folder('formats.zarr'), imageFiles());
  const bad = await writeFiles(folder('unreadable.zarr'), { ...imageFiles(), '.zattrs': '{' });
  site.importer({ change: { registerZarr: false } });
  for (const state of ['imported', 'already-there'] as const) {
    const uuid = await site.order([path], dataset);
    expect((await site.closed(uuid)).stage).toBe('Import Completed');
    const [result] = await fileResults(site.database.pool, uuid);
    expect([result?.state, typeof result?.filesetId]).toEqual([state, 'number']);
  }
  expect(await site.alice.imagesIn(dataset)).toHaveLength(1);
  expect(await site.alice.imagesByLsid([path])).toEqual([]);
  expect((await site.closed(await site.order([bad], dataset))).description).toContain('.zattrs is not valid JSON');
  await site.stop();
});
