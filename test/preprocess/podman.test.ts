import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContainerConfig } from '../../src/config/config.ts';
import { ImporterSite } from '../../src/importer/testing/importer-site.ts';
import { newObject } from '../../src/omero/model.ts';
import { rstring } from '../../src/omero/rtypes.ts';
import { fileResults } from '../../src/orders/file-results.ts';
import { readOrder } from '../../src/orders/read-order.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { buildTestImage, hasPodman, podmanCommand, testImage } from '../support/podman.ts';

// Orders as OMERO.biomero writes them, converted by a real podman and imported.
describeWithPart('podman', hasPodman, 'orders with preprocessing', () => {
  let site: ImporterSite;
  let runtime: string;
  let command: string[];

  beforeAll(async () => {
    site = await ImporterSite.open();
    runtime = mkdtempSync(join(tmpdir(), 'bb-podman-'));
    command = podmanCommand(runtime);
    buildTestImage(command);
  }, 120_000);

  afterAll(async () => {
    await site?.drop();
    rmSync(runtime, { recursive: true, force: true });
  });

  const containers = (change: Partial<ContainerConfig> = {}): ContainerConfig => ({
    command,
    network: 'none',
    memory: '512m',
    seconds: 120,
    images: [],
    scratch: null,
    keepId: false,
    ...change,
  });

  /** An order with the columns and values that OMERO.biomero writes. */
  async function placed(
    files: string[],
    destination: number,
    change: Record<string, unknown> = {},
    type: 'Dataset' | 'Screen' = 'Dataset',
  ): Promise<string> {
    const row = {
      container: testImage,
      input_file: '{Files}',
      output_folder: '/data',
      alt_output_folder: '/out',
      extra_params: { image_uuid: '5b1e', mode: '' },
      ...change,
    };
    const { rows } = await site.database.pool.query<{ id: number }>(
      `insert into imports_preprocessing (${Object.keys(row).join(', ')}) values ($1, $2, $3, $4, $5::json) returning id`,
      Object.values({ ...row, extra_params: JSON.stringify(row.extra_params) }),
    );
    return site.row({
      destination_id: String(destination),
      destination_type: type,
      files: JSON.stringify(files),
      preprocessing_id: rows[0]?.id,
    });
  }

  const importer = (change: Partial<ContainerConfig> = {}): { stop: () => void } =>
    site.importer({ change: { containers: containers(change) } });

  const left = (): string =>
    execFileSync(command[0] ?? '', [...command.slice(1), 'ps', '-a', '-q'], { encoding: 'utf8' });

  const processed = (file: string, uuid: string): string[] => {
    const folder = join(dirname(file), '.processed', uuid);
    return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort() : [];
  };

  test('each file is converted, all outputs are imported, and links lead to the copy that is kept', async () => {
    const dataset = await site.dataset();
    const files = [await site.image('leica/one.lif'), await site.image('leica/two.lif')];
    importer();
    const uuid = await placed(files, dataset);
    const { stage, description } = await site.closed(uuid, 120_000);
    expect([stage, description]).toEqual(['Import Completed', null]);
    expect(await site.stages(uuid)).toEqual(['Pending', 'Started', 'Preprocessing', 'Completed']);
    const names = (await site.alice.imagesIn(dataset)).map((i) => i.name).sort();
    expect(names).toEqual(['1 of one.lif', '1 of two.lif', '2 of two.lif']);
    const results = await fileResults(site.database.pool, uuid);
    expect(results.map((r) => [r.path, r.state, r.imageIds.length])).toEqual([
      [files[0], 'imported', 1],
      [files[1], 'imported', 2],
    ]);
    const kept = processed(files[0] ?? '', uuid);
    expect(kept.filter((name) => name.endsWith('.tif')).map((name) => name.replace(/^.*\//, ''))).toEqual([
      'one-1.tif',
      'two-1.tif',
      'two-2.tif',
    ]);
    const stored = await site.alice.storedFilesOf(results.flatMap((r) => r.imageIds));
    const managed = site.omero.managedRepository;
    const targets = stored.map((file) => readlinkSync(join(managed, file.path, file.name)));
    expect(targets.every((path) => path.includes(`/leica/.processed/${uuid}/`) && existsSync(path))).toBe(true);
    const [annotation] = await site.alice.mapAnnotations('Image', results[0]?.imageIds ?? [], 'biomero.import');
    expect(annotation?.pairs.map(([key]) => key)).toEqual([
      'UUID',
      'Filepath',
      'Group',
      'Username',
      'DestinationID',
      'DestinationType',
      'preprocessing_container',
      'preprocessing_inputfile',
      'preprocessing_outputfolder',
      'preprocessing_altoutputfolder',
      'preprocessing_image_uuid',
      'preprocessing_mode',
      'preprocessing_id',
      'processing_output_Part',
      'processing_output_Tool',
      'Import_Timestamp',
    ]);
    expect(new Map(annotation?.pairs).get('Filepath')).toBe(files[0]);
    const log = readFileSync(join(site.storage, 'logs', `preprocess-${uuid}-1.log`), 'utf8');
    expect(log).toContain('converting /data/one.lif');
    expect(left()).toBe('');
    await site.stop();
  }, 180_000);

  test('a file that cannot be converted fails with its last lines; the others are imported', async () => {
    const dataset = await site.dataset();
    const names = ['good.lif', 'broken.lif', 'silent.lif', 'noisy.lif', 'leaving.lif', 'altonly.lif', 'writing.lif'];
    const files = await Promise.all(names.map((name) => site.image(`mixed/${name}`)));
    importer();
    const uuid = await placed(files, dataset);
    const { stage } = await site.closed(uuid, 180_000);
    expect(stage).toBe('Import Failed');
    const results = await fileResults(site.database.pool, uuid);
    const errors = Object.fromEntries(results.map((r, i) => [names[i], r.error]));
    expect(errors['good.lif']).toBeNull();
    expect(errors['altonly.lif']).toBeNull();
    expect(errors['broken.lif']).toMatch(/exit code 3: .*cannot read broken\.lif \/ unknown block 7/);
    expect(errors['silent.lif']).toContain('its last line is not the JSON list');
    expect(errors['noisy.lif']).toContain(
      'its last line is not the JSON list of what it made (converting /data/noisy.lif / all done)',
    );
    expect(errors['leaving.lif']).toContain('is a link elsewhere');
    expect(errors['writing.lif']).toMatch(/exit code 4: .*Read-only file system/);
    expect(existsSync(join(dirname(files[0] ?? ''), 'intruder'))).toBe(false);
    expect((await site.alice.imagesIn(dataset)).map((i) => i.name).sort()).toEqual(['1 of good.lif', 'altonly.tif']);
    expect(processed(files[0] ?? '', uuid).filter((name) => !name.includes('/'))).toHaveLength(2);
    expect(left()).toBe('');
    await site.stop();
  }, 240_000);

  test('a database of a plate goes into a screen', async () => {
    const [screen = 0] = await site.alice.saveGraphs([newObject('Screen', { name: rstring('plates') })]);
    const file = await site.image('plates/experiment.db');
    importer();
    const uuid = await placed([file], screen, { extra_params: { saveoption: 'single' } }, 'Screen');
    expect((await site.closed(uuid, 120_000)).stage).toBe('Import Completed');
    const [result] = await fileResults(site.database.pool, uuid);
    expect([result?.path, result?.plateIds.length]).toEqual([file, 1]);
    const [annotation] = await site.alice.mapAnnotations('Plate', result?.plateIds ?? [], 'biomero.import');
    const pairs = new Map(annotation?.pairs);
    expect([pairs.get('Filepath'), pairs.get('preprocessing_saveoption')]).toEqual([file, 'single']);
    await site.stop();
  }, 180_000);

  test('one that takes too long is ended, and nothing of it is left', async () => {
    const dataset = await site.dataset();
    const file = await site.image('slow/endless.lif');
    importer({ seconds: 2 });
    const uuid = await placed([file], dataset);
    const { description } = await site.closed(uuid, 120_000);
    expect(description).toContain('its conversion took longer than 2 s and was ended');
    expect(left()).toBe('');
    expect(processed(file, uuid)).toEqual([]);
    await site.stop();
  }, 180_000);

  test('after a kill a finished conversion is not run again, and the one under way is', async () => {
    const dataset = await site.dataset();
    const files = [await site.image('killed/first.lif'), await site.image('killed/endless.lif')];
    const uuid = await placed(files, dataset);
    const victim = site.process({}, { containers: containers() });
    await site.until(
      async () => await site.some('select 1 from bridge.conversions where order_uuid = $1', [uuid]),
      90_000,
    );
    await site.until(async () => left() !== '', 60_000);
    const before = processed(files[0] ?? '', uuid).filter((name) => name.endsWith('.tif'));
    victim.kill('SIGKILL');
    importer({ seconds: 3 });
    expect((await site.closed(uuid, 120_000)).stage).toBe('Import Failed');
    const results = await fileResults(site.database.pool, uuid);
    expect(results.map((r) => r.state)).toEqual(['imported', 'failed']);
    expect(processed(files[0] ?? '', uuid).filter((name) => name.endsWith('.tif'))).toEqual(before);
    const log = readFileSync(join(site.storage, 'logs', `preprocess-${uuid}-1.log`), 'utf8');
    expect(log.match(/^converting/gm)).toHaveLength(1);
    expect(left()).toBe('');
    expect(await site.stages(uuid)).toEqual(['Pending', 'Started', 'Preprocessing', 'Failed']);
    await site.stop();
  }, 240_000);

  test('a container that is cancelled under way is ended', async () => {
    const dataset = await site.dataset();
    const file = await site.image('cancel/endless.lif');
    const { stop } = importer();
    const uuid = await placed([file], dataset);
    await site.until(async () => left() !== '', 60_000);
    stop();
    await site.stop();
    expect(left()).toBe('');
    expect((await readOrder(site.database.pool, uuid))?.stage).toBe('Import Preprocessing');
    expect(processed(file, uuid)).toEqual([]);
  }, 120_000);

  test('an image that this site does not allow, or that cannot be had, is named', async () => {
    const dataset = await site.dataset();
    const file = await site.image('other/a.lif');
    importer({ images: ['docker.io/cellularimagingcf/'] });
    const { description } = await site.closed(await placed([file], dataset), 60_000);
    expect(description).toContain(`the container image ${testImage} is not among those that this site allows`);
    await site.stop();
    importer();
    const unknown = await placed([file], dataset, { container: 'localhost:1/nobody/nothing:1' });
    const trouble = await site.until(
      async () => (await readOrder(site.database.pool, unknown))?.trouble ?? null,
      60_000,
    );
    expect(trouble).toMatchObject({ code: 'CONTAINER_NOT_STARTED' });
    await site.stop();
  }, 180_000);
});
