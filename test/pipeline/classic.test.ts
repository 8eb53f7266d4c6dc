import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { retryRun } from '../../src/runs/retry.ts';
import { abandonRun } from '../../src/runs/abandon.ts';
import type { AttachedFile } from '../../src/omero/queries/files.ts';
import type { RunView } from '../../src/runs/view.ts';
import { ClusterSite } from '../support/cluster-site.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { slurmIsInstalled } from '../support/slurm-cluster.ts';
import { sshIsInstalled } from '../support/ssh-server.ts';

/* The classic way, IMPORTER_ENABLED=false, on a real Slurm through OpenSSH: what a run may find at its end. */
const patience = 180_000;
const announce = 'echo "Running slow Job w/ images | image.sif | $DATA_PATH | scripts |"';

describeWithPart('Slurm', slurmIsInstalled && sshIsInstalled, 'the classic way on a real Slurm', () => {
  let site: ClusterSite;
  let dataset = 0;

  beforeAll(async () => {
    site = await ClusterSite.open(
      {
        copy: `${announce}; cp "$DATA_PATH"/data/in/* "$DATA_PATH/data/out/"`,
        table: 'echo a,b >"$DATA_PATH/data/out/table.csv"',
        broken: 'cp "$DATA_PATH"/data/in/one.tif "$DATA_PATH/data/out/"; echo no image >"$DATA_PATH/data/out/two.tif"',
        long: 'sleep 600',
      },
      {},
      { importerEnabled: false },
    );
    await site.start('worker', 'importer');
    dataset = await site.dataset(['one.tif', 'ü 2.tif']);
  }, 120_000);
  afterAll(() => site?.close(), 60_000);

  const work = (): string[] => {
    const folder = join(site.folder, 'work', '.analyzed');
    return existsSync(folder) ? readdirSync(folder) : [];
  };
  const attached = async (view: RunView): Promise<AttachedFile[]> =>
    (await site.apps[0]?.omero.admin())?.attachedFiles('Dataset', [view.destination?.id ?? 0]) ?? [];
  const orders = async (): Promise<number> =>
    (await site.database.pool.query('select count(distinct uuid)::int as n from imports')).rows[0].n;

  test(
    'images are uploaded with their names, all results attached, and everything else is removed',
    async () => {
      const before = await orders();
      const id = await site.launch('copy', dataset);
      const view = await site.ended(id);
      expect(view).toMatchObject({
        state: 'done',
        status: 'DONE',
        recipe: 'get-results',
        archive: null,
        archiveSafe: false,
      });
      const images = view.results.filter((r) => r.kind === 'image');
      expect(images.map((r) => r.import)).toEqual(['imported', 'imported']);
      const names = await site.apps[0]?.omero.as('alice', 'annotate', (s) => s.imagesIn(view.destination?.id ?? 0));
      expect(names?.map((image) => image.name).sort()).toEqual(['one.tif', 'ü 2.tif']);
      expect((await attached(view)).map((f) => f.name).sort()).toEqual(
        [`${view.jobId}_out.zip`, `metadata_${id}.csv`, `omero-${view.jobId}.log`].sort(),
      );
      expect(work()).not.toContain(id);
      expect(existsSync(join(site.folder, 'storage', 'annotate', '.analyzed'))).toBe(false);
      expect(await orders()).toBe(before);
      await site.until(async () => (await site.view(id)).clusterData.state === 'removed');
    },
    patience,
  );

  test(
    'results without an image are attached to a dataset of the run',
    async () => {
      const view = await site.ended(await site.launch('table', dataset));
      expect(view).toMatchObject({ state: 'done', status: 'DONE', imagesFound: 0 });
      expect(view.sentence).toMatch(/no image is among them; they are attached to dataset \d+/);
      expect((await attached(view)).map((f) => f.name)).toContain(`${view.jobId}_out.zip`);
    },
    patience,
  );

  test(
    'an image that OMERO cannot read fails the run with its name; the others stay, and a retry adds none twice',
    async () => {
      const id = await site.launch('broken', dataset);
      const failed = await site.ended(id);
      expect(failed).toMatchObject({ state: 'failed', status: 'IMPORT_FAILED', clusterData: { state: 'remove' } });
      expect(failed.failure).toMatchObject({ code: 'UPLOAD_FAILED', step: 'import', repeatable: true });
      expect(failed.failure?.message).toMatch(/^1 of 2 images could not be uploaded to OMERO: .*two\.tif/);
      expect(failed.failure?.safe).toMatch(/still on the cluster/);
      expect(failed.results.map((r) => [r.path.split('/').at(-1), r.import])).toEqual(
        expect.arrayContaining([
          ['one.tif', 'imported'],
          ['two.tif', 'failed'],
        ]),
      );
      expect(work()).not.toContain(id);
      const data = join(site.home, 'my-scratch', 'data', `broken_${id}`);
      expect(existsSync(data)).toBe(true);

      await retryRun({ runs: site.database.pool, orders: site.database.pool }, id, 'test');
      expect(await site.ended(id)).toMatchObject({ state: 'failed', status: 'IMPORT_FAILED' });
      const there = await site.apps[0]?.omero.as('alice', 'annotate', (s) => s.imagesIn(failed.destination?.id ?? 0));
      expect(there?.map((image) => image.name)).toEqual(['one.tif']);
    },
    patience,
  );

  test(
    'without a folder for work, or a program to upload with, no job is submitted; the run goes on once they are there',
    async () => {
      const { worker, importer } = site.config;
      const blocked = join(site.folder, 'home', 'slurm-scripts', 'jobs', 'copy.sh', 'work');
      Object.assign(worker, { workDir: blocked });
      const id = await site.launch('copy', dataset);
      const waiting = await site.until(async () => {
        const view = await site.view(id);
        return view.state === 'attention' && view;
      });
      expect(waiting).toMatchObject({ jobId: null, sentence: expect.stringContaining(blocked) });
      Object.assign(site.config, { importer: { ...importer, command: ['/no/such/omero'] } });
      Object.assign(worker, { workDir: join(site.folder, 'work') });
      await site.until(async () => (await site.view(id)).sentence.includes('/no/such/omero cannot be started'));
      expect((await site.view(id)).jobId).toBeNull();
      Object.assign(site.config, { importer });
      expect(await site.ended(id)).toMatchObject({ state: 'done', imagesFound: 2 });
    },
    patience,
  );

  test(
    'a run that is given up ends, and so does its job',
    async () => {
      const id = await site.launch('long', dataset);
      const job = await site.until(async () => (await site.view(id)).jobId);
      await abandonRun(site.database.pool, id, 'alice', 'not needed');
      expect(await site.ended(id)).toMatchObject({ state: 'given-up', failure: { code: 'RUN_ABANDONED' } });
      await site.until(async () => site.slurm.command('squeue', '-h', '-o', '%T', `-j${job},1`) === '');
    },
    patience,
  );
});
