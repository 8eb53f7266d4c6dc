import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tiff } from '../../src/embedded/omero/import/tiff-for-tests.ts';
import type { OmeroSession } from '../../src/omero/session.ts';
import type { Delivered, Delivery } from '../../src/runs/delivery.ts';
import { importJob, type ImportJobContext } from '../../src/runs/import-job.ts';
import { readRun } from '../../src/runs/read-runs.ts';
import type { RunView } from '../../src/runs/view.ts';
import { ClusterSite } from '../support/cluster-site.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { announcing } from '../support/python-workflow.ts';
import { slurmIsInstalled } from '../support/slurm-cluster.ts';
import { sshIsInstalled } from '../support/ssh-server.ts';

/* What BIOMERO's result scripts do beside the import, asked of our worker: attachments, tables, names. */
const patience = 90_000;
const image = tiff([{ width: 4, height: 3 }]);
const nothing: Delivery = { importImages: true, zip: [], log: [], tables: [], files: [], sources: null, rename: null };

describeWithPart('Slurm', slurmIsInstalled && sshIsInstalled, 'what is done with results beside the import', () => {
  let site: ClusterSite;
  let context: ImportJobContext;
  let dataset = 0;
  let inputs: { id: number; name: string }[] = [];

  beforeAll(async () => {
    site = await ClusterSite.open({ theirs: announcing });
    await site.start('worker', 'importer');
    context = site.importContext();
    dataset = await site.dataset(['a.tif', 'b.tif']);
    inputs = await asAlice((session) => session.imagesIn(dataset));
  }, 120_000);
  afterAll(() => site?.close(), 60_000);

  const asAlice = <T>(work: (session: OmeroSession) => Promise<T>): Promise<T> =>
    context?.omero.as('alice', 'annotate', work) ?? site.apps[0]?.omero.as('alice', 'annotate', work);

  /** A job with these results, handed over with what is asked. */
  async function home(results: Record<string, string | Buffer>, delivery: Delivery): Promise<RunView> {
    const data = join(site.home, 'my-scratch', 'data', `theirs_${randomUUID()}`);
    for (const [name, content] of Object.entries(results)) {
      const path = join(data, 'data', 'out', name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
    const argv = ['sbatch', '--parsable', '--output=omero-%j.log', 'slurm-scripts/jobs/theirs.sh'];
    const jobId = Number((await context.transport.exec(argv, { env: { DATA_PATH: data } })).stdout);
    const owner = { userName: 'alice', groupName: 'annotate', cleanup: false, ended: false };
    const request = { jobId, workflowId: null, pythonTaskId: null, destination: null, ...owner };
    return site.ended(await importJob(context, { ...request, delivery }));
  }

  const delivered = async (run: RunView): Promise<Delivered | null> =>
    (await readRun(site.database.pool, run.id))?.delivered ?? null;

  /** What was attached, as `what name to`. */
  const lines = (found: Delivered | null, run: RunView): string[] =>
    (found?.files ?? [])
      .map(({ what, name, to }) => {
        const place = to.id === run.destination?.id && to.type === 'Dataset' ? 'destination' : `${to.type} ${to.id}`;
        return `${what} ${name.replaceAll(run.id, 'RUN').replace(new RegExp(`\\b${run.jobId}(?=_)|(?<=[-_])${run.jobId}\\b|(?<=_)${run.jobId}(?=_)`), 'JOB')} ${place}`;
      })
      .sort();

  test(
    'files, tables, zip and log are attached, images named and hung on their originals, and a repeat adds nothing',
    async () => {
      const gone = { type: 'Dataset', id: 987_654 } as const;
      const results = {
        'a_mask.tif': image,
        'deep/c.tif': image,
        'cells.csv': 'id,area\n1,2.5\n2,3\n',
        'broken.csv': 'a,b\n1\n',
        'notes.json': '{}',
        'tool.log': 'done',
        '.hidden': 'no result',
      };
      const run = await home(results, {
        importImages: true,
        zip: [{ type: 'Dataset', id: dataset }],
        log: ['destination'],
        tables: ['destination'],
        files: ['destination', gone],
        sources: inputs.map((i) => i.id),
        rename: '{original_file}_R.{ext}',
      });
      expect(run).toMatchObject({ state: 'done', status: 'DONE', imagesFound: 2 });
      const original = inputs.find((i) => i.name === 'a.tif')?.id;
      const expected = [
        'file broken_JOB_RUN.csv destination',
        'file notes.json destination',
        'file tool.log destination',
        `image a_mask.RUN.tif Image ${original}`,
        'log omero-JOB.log destination',
        'table cells_JOB_RUN.csv destination',
        `zip JOB_out.zip Dataset ${dataset}`,
      ];
      const found = await delivered(run);
      expect(lines(found, run)).toEqual(expected);
      expect(found?.renamed).toBe(2);
      expect(found?.notDone.map((line) => line.replace(/: .*/s, ''))).toEqual([
        'broken.csv became no OMERO.table, and is attached as a file',
        `notes.json was not attached to Dataset ${gone.id}`,
        `tool.log was not attached to Dataset ${gone.id}`,
        'c.tif was attached to no image',
      ]);
      const destination = run.destination?.id ?? 0;
      const names = (await asAlice((s) => s.imagesIn(destination))).map((i) => i.name).sort();
      expect(names).toEqual(['a_R.tif', 'c_R.tif']);
      const table = found?.files.find((f) => f.what === 'table');
      expect(await asAlice((s) => s.readTable(table?.fileId ?? 0))).toEqual([
        { kind: 'Long', name: 'id', values: [1, 2] },
        { kind: 'Double', name: 'area', values: [2.5, 3] },
      ]);
      const there = await asAlice((s) => s.attachedFiles('Dataset', [destination]));
      expect(
        found?.files
          .filter((f) => f.to.id === destination)
          .every((f) => there.some((t) => t.annotationId === f.annotationId)),
      ).toBe(true);

      // A worker that died before it noted this does it again.
      await site.database.pool.query(
        `update bridge.runs set annotated_at = null, ended_at = null, outcome = null, delivered = null where id = $1`,
        [run.id],
      );
      const again = await site.ended(run.id);
      expect(lines(await delivered(again), again)).toEqual(expected);
      expect(await asAlice((s) => s.attachedFiles('Dataset', [destination]))).toEqual(there);
      expect((await asAlice((s) => s.imagesIn(destination))).map((i) => i.name).sort()).toEqual(names);
    },
    patience,
  );

  test(
    'where no image is to be imported there is no order and no dataset, and files go where they were asked to',
    async () => {
      const orders = async (): Promise<number> => (await site.database.pool.query('select from imports')).rowCount ?? 0;
      const before = await orders();
      const to = { type: 'Dataset', id: dataset } as const;
      const wanted = { ...nothing, importImages: false, zip: [to], tables: [to, 'destination'] as const };
      const run = await home({ 'a_mask.tif': image, 'cells.csv': 'n\n1\n' }, wanted);
      expect(run).toMatchObject({ state: 'done', archiveSafe: true, destination: null, imagesFound: 0 });
      expect(run.sentence).toContain('its images were not to be imported');
      expect(run.results.map((r) => r.import)).toEqual(run.results.map(() => 'none'));
      expect(lines(await delivered(run), run)).toEqual([
        `table cells_JOB_RUN.csv Dataset ${dataset}`,
        `zip JOB_out.zip Dataset ${dataset}`,
      ]);
      expect(await orders()).toBe(before);
      // And results without any image need none for their table either.
      const csv = await home({ 'cells.csv': 'n\n1\n' }, { ...nothing, tables: [to], log: ['destination'] });
      expect(csv).toMatchObject({ state: 'done', destination: null });
      expect(lines(await delivered(csv), csv)).toEqual([`table cells_JOB_RUN.csv Dataset ${dataset}`]);
      expect((await delivered(csv))?.notDone).toEqual([
        `omero-${csv.jobId}.log was not attached: the run has no dataset, and no other place was named.`,
      ]);
    },
    patience,
  );

  test(
    'the same on the classic way',
    async () => {
      Object.assign(site.config, { importerEnabled: false });
      try {
        const to = { type: 'Dataset', id: dataset } as const;
        const wanted = { ...nothing, rename: '{file}-up.{ext}', tables: ['destination'] as const };
        const run = await home({ 'x.tif': image, 'cells.csv': 'n\n1\n' }, wanted);
        expect(run).toMatchObject({ state: 'done', recipe: 'get-results', imagesFound: 1 });
        expect((await asAlice((s) => s.imagesIn(run.destination?.id ?? 0))).map((i) => i.name)).toEqual(['x-up.tif']);
        expect(lines(await delivered(run), run)).toEqual(['table cells_JOB_RUN.csv destination']);
        const none = await home({ 'x.tif': image }, { ...nothing, importImages: false, zip: [to] });
        expect(none).toMatchObject({ state: 'done', recipe: 'get-results', destination: null });
        expect(lines(await delivered(none), none)).toEqual([`zip JOB_out.zip Dataset ${dataset}`]);
      } finally {
        Object.assign(site.config, { importerEnabled: true });
      }
    },
    patience,
  );
});
