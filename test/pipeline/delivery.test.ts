import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tiff } from '../../src/embedded/omero/import/tiff-for-tests.ts';
import { encodeOmeTiff } from '../../src/lib/ome-tiff.ts';
import type { Roi } from '../../src/omero/queries/rois.ts';
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
import { nothingAsked } from '../support/delivery.ts';

/* What BIOMERO's result scripts do beside the import, asked of our worker: attachments, tables, names. */
const patience = 180_000;
const image = tiff([{ width: 4, height: 3 }]);

/** A label image: rectangles of pixels, each `label, x, y, width, height`. */
function labels(width: number, areas: readonly (readonly [number, number, number, number, number])[]): Buffer {
  const pixels = new Uint16Array(width * 30);
  for (const [label, left, top, columns, rows] of areas)
    for (let y = top; y < top + rows; y++) pixels.fill(label, y * width + left, y * width + left + columns);
  return encodeOmeTiff({ width, height: 30, pixels, name: 'labels', channel: 'c', pixelSize: null });
}

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
    // A job that has not begun has said nothing yet of where its data are.
    await site.until(async () => {
      const log = await context.slurm.readLog(jobId, 0, 4_096);
      return log?.bytes.toString('utf8').includes('| scripts |') ?? false;
    });
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
        rois: null,
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
      const wanted = { ...nothingAsked, importImages: false, zip: [to], tables: [to, 'destination'] as const };
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
      const csv = await home({ 'cells.csv': 'n\n1\n' }, { ...nothingAsked, tables: [to], log: ['destination'] });
      expect(csv).toMatchObject({ state: 'done', destination: null });
      expect(lines(await delivered(csv), csv)).toEqual([`table cells_JOB_RUN.csv Dataset ${dataset}`]);
      expect((await delivered(csv))?.notDone).toEqual([
        `omero-${csv.jobId}.log was not attached: the run has no dataset, and no other place was named.`,
      ]);
    },
    patience,
  );

  test(
    'labels become ROIs on the images that they were made from, and older ones go where that is asked',
    async () => {
      const [a, b] = ['a.tif', 'b.tif'].map((name) => inputs.find((i) => i.name === name)?.id ?? 0);
      const on = async (id = 0): Promise<Roi[]> => asAlice((s) => s.roisOf([id]));
      const triangle = { kind: 'polygon', z: null, t: null, c: null, label: '' } as const;
      const points = [
        [0, 0],
        [9, 0],
        [0, 9],
      ] as const;
      const old = (imageId = 0, name: string) => ({ imageId, name, shapes: [{ ...triangle, points }] });
      await asAlice((s) => s.createRois([old(a, 'nuclei__1'), old(a, 'by hand'), old(b, 'nuclei__1')]));
      const results = {
        // Two pieces of label 1; label 2 with a hole.
        'a_mask.ome.tif': labels(40, [
          [1, 0, 0, 2, 2],
          [1, 5, 5, 3, 1],
          [2, 10, 10, 5, 5],
          [0, 12, 12, 1, 1],
        ]),
        'a_overlay.tif': image,
        // Of another size than its image.
        'b_mask.tif': labels(40, [[1, 0, 0, 2, 2]]),
        'c_mask.tif': image,
      };
      const rois = {
        sources: inputs.map((i) => i.id),
        pattern: null,
        shape: 'polygon',
        prefix: 'nuclei__',
        color: '#FF8000',
        clear: { containing: 'nuclei__' },
      } as const;
      const run = await home(results, { ...nothingAsked, rois });
      expect(run).toMatchObject({ state: 'done', imagesFound: 4 });
      const found = await delivered(run);
      expect(found?.rois).toBe(2);
      expect(found?.notDone).toEqual([
        'c_mask.tif became no ROIs: its name does not tell which image it was made from.',
        'b_mask.tif became no ROIs: it has 40 × 30 pixels, and the image that it was made from 41 × 30.',
      ]);
      const made = await on(a);
      expect(made.map((roi) => [roi.name, roi.shapes.length, roi.shapes[0]?.label])).toEqual([
        ['by hand', 1, ''],
        ['nuclei__1', 2, 'nuclei__1'],
        ['nuclei__2', 1, 'nuclei__2'],
      ]);
      expect(made[2]?.shapes[0]).toMatchObject({ kind: 'polygon', z: null, t: null, c: null });
      // Where no ROIs could be made, the older ones stay.
      expect((await on(b)).map((roi) => roi.name)).toEqual(['nuclei__1']);

      // A worker that died before it noted this does it again.
      await site.database.pool.query(
        `update bridge.runs set annotated_at = null, ended_at = null, outcome = null, delivered = null where id = $1`,
        [run.id],
      );
      expect(await delivered(await site.ended(run.id))).toEqual(found);
      expect(await on(a)).toEqual(made);

      // Another run, as masks, on the one image that is named; the former run's ROIs stay.
      const one = { ...rois, sources: [b ?? 0], pattern: '*.tif', shape: 'mask', color: null, clear: null } as const;
      const second = await home(
        {
          'x.tif': labels(41, [
            [5, 1, 1, 3, 1],
            [5, 2, 2, 1, 1],
          ]),
        },
        { ...nothingAsked, rois: one },
      );
      expect(await delivered(second)).toMatchObject({ rois: 1, notDone: [] });
      const [, mask] = await on(b);
      expect(mask).toMatchObject({
        name: 'nuclei__5',
        shapes: [{ kind: 'mask', x: 1, y: 1, width: 3, height: 2, label: 'nuclei__5' }],
      });
      const bits = await asAlice((s) => s.maskBits(mask?.shapes[0]?.id ?? 0));
      expect(bits).toEqual(Uint8Array.of(0b11101000));
    },
    patience,
  );

  test(
    'the same on the classic way',
    async () => {
      Object.assign(site.config, { importerEnabled: false });
      try {
        const to = { type: 'Dataset', id: dataset } as const;
        const wanted = { ...nothingAsked, rename: '{file}-up.{ext}', tables: ['destination'] as const };
        const run = await home({ 'x.tif': image, 'cells.csv': 'n\n1\n' }, wanted);
        expect(run).toMatchObject({ state: 'done', recipe: 'get-results', imagesFound: 1 });
        expect((await asAlice((s) => s.imagesIn(run.destination?.id ?? 0))).map((i) => i.name)).toEqual(['x-up.tif']);
        expect(lines(await delivered(run), run)).toEqual(['table cells_JOB_RUN.csv destination']);
        const none = await home({ 'x.tif': image }, { ...nothingAsked, importImages: false, zip: [to] });
        expect(none).toMatchObject({ state: 'done', recipe: 'get-results', destination: null });
        expect(lines(await delivered(none), none)).toEqual([`zip JOB_out.zip Dataset ${dataset}`]);
      } finally {
        Object.assign(site.config, { importerEnabled: true });
      }
    },
    patience,
  );
});
