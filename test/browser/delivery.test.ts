import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageFile } from '../../src/lib/package-root.ts';
import type { Delivery } from '../../src/runs/delivery.ts';
import { BrowsedStart, faultsOfLooks } from '../support/browsed-start.ts';
import { browserPath } from '../support/browser.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { nothingAsked } from '../support/delivery.ts';

/** The sample workflow, whose job waits until it is let go. */
const gated = `until [ -e "$DATA_PATH/go" ] || [ ! -d "$DATA_PATH" ]; do sleep 0.2; done
exec "$SLURM_SUBMIT_DIR/slurm-scripts/jobs/nuclei.sh"`;

// A run that was asked for more than images in a dataset, as BIOMERO's result scripts are: what people see of that.
describeWithPart('Chromium', browserPath !== null, 'what was asked for beside the import, in the browser', () => {
  const site = new BrowsedStart();
  let id = '';

  /** A run of the sample workflow that is asked for this while its job waits; jobs that are handed over bring it along. */
  async function runAskedFor(asked: Delivery): Promise<string> {
    const run = site.folder.cli('run', 'gated', '--dataset', '1', '--user', 'researcher', '--group', 'demo').trim();
    const runs = await site.folder.connect('biomero');
    try {
      const { rowCount } = await runs.query(
        'update bridge.runs set delivery = $2 where id = $1 and archive_stamp is null',
        [run, JSON.stringify(asked)],
      );
      expect(rowCount).toBe(1);
    } finally {
      await runs.end();
    }
    return run;
  }

  /** Lets the job of a run go. */
  async function letGo(run: string): Promise<void> {
    const data = join(site.folder.path, 'cluster', 'home', 'my-scratch', 'data', `gated_${run}`);
    await site.folder.until(site.started, async () => existsSync(data));
    writeFileSync(join(data, 'go'), '');
  }

  beforeAll(async () => {
    site.folder.addWorkflows({ gated });
    await site.open(21);
    await site.signIn('researcher');
    id = await runAskedFor({
      importImages: true,
      zip: [
        { type: 'Dataset', id: 1 },
        { type: 'Dataset', id: 987_654 },
      ],
      log: ['destination'],
      tables: ['destination'],
      files: [],
      sources: [1, 2, 3],
      rename: '{original_file} <b>nuclei</b>.{ext}',
      rois: {
        sources: [1, 2, 3, 4],
        pattern: null,
        shape: 'polygon',
        prefix: 'nucleus ',
        color: null,
        clear: { containing: 'nucleus' },
      },
    });
  }, 180_000);
  afterAll(() => site.close());

  const status = (...args: string[]): string[] => [
    process.execPath,
    packageFile('dist', 'src', 'main.js'),
    'status',
    id,
    ...args,
    '--data',
    site.folder.path,
  ];

  test('the page says what is still to come, then what was done, and what was not and why', async () => {
    const { page } = site;
    await page.goto(`${site.address}/runs/${id}`);
    const section = page.locator('#delivery');
    await section.getByText('It is done once the images are in OMERO.').waitFor();
    expect(await section.getByText('Not yet').count()).toBe(6);
    await letGo(id);
    await section.getByText('2 things could not be done').waitFor({ timeout: 120_000 });
    const row = (name: RegExp): Promise<string> =>
      section.getByRole('row').filter({ hasText: name }).getByRole('cell').innerText();
    expect(await row(/All results as one zip/)).toMatch(/^1 file attached\s+\d+_out\.zip Dataset 1$/);
    expect(await row(/The job's log/)).toMatch(/^1 file attached\s+omero-\d+\.log Dataset 3$/);
    expect(await row(/CSV files as OMERO.tables/)).toMatch(/^1 table\s+measurements_\S+\.csv Dataset 3$/);
    expect(await row(/Image files beside their originals/)).toMatch(/^3 files attached\s/);
    expect(await row(/Images renamed to {original_file} <b>nuclei<\/b>/)).toMatch(/^4 images renamed$/);
    expect(await row(/Label images as ROIs: polygons/)).toMatch(/^\d+ ROIs made$/);
    const notDone = section.getByRole('list', { name: 'What could not be done' }).getByRole('listitem');
    expect(await notDone.allInnerTexts()).toEqual([
      expect.stringMatching(/04_labels.ome.tif was attached to no image: its name does not tell/),
      expect.stringMatching(/_out\.zip was not attached to Dataset 987654: .*[^.]\.$/s),
    ]);
    await page.getByRole('heading', { name: /Visible in OMERO/ }).waitFor();
    expect(await faultsOfLooks(page, 'delivery')).toEqual([]);
    expect(site.errors).toEqual([]);
  }, 150_000);

  test('the command line says the same, piped and in a terminal', async () => {
    const [node = '', ...args] = status();
    const env = { PATH: process.env['PATH'], LANG: 'C.UTF-8', TERM: 'xterm', SHELL: '/bin/sh' };
    const piped = execFileSync(node, args, { encoding: 'utf8', env });
    expect(piped).toMatch(
      /^Asked for +All results as one zip file, on Dataset 1, Dataset 987654: 1 file attached\n +\d+_out\.zip  Dataset 1\n/m,
    );
    expect(piped).toMatch(/^ +Images renamed to .*: 4 images renamed\n/m);
    expect(piped).toMatch(
      /^Not done +\S+04_labels\.ome\.tif was attached to no image: .*\n +\S+ was not attached to Dataset 987654: /m,
    );
    const words = status()
      .map((word) => `'${word}'`)
      .join(' ');
    const { stdout } = spawnSync('script', ['-qec', words, '/dev/null'], { encoding: 'utf8', env });
    expect(stdout.replaceAll('\r\n', '\n')).toBe(piped);
    const { delivery } = JSON.parse(execFileSync(node, status('--json').slice(1), { encoding: 'utf8', env })) as {
      delivery: unknown;
    };
    expect(delivery).toMatchObject({ finished: true, wishes: { length: 6 }, notDone: { length: 2 } });
  });

  test('where the images were not to be imported, the page does not say that there are none', async () => {
    const { page } = site;
    const run = await runAskedFor({ ...nothingAsked, importImages: false, zip: [{ type: 'Dataset', id: 1 }] });
    await letGo(run);
    await page.goto(`${site.address}/runs/${run}`);
    await page.getByRole('heading', { name: 'Nothing to import' }).waitFor({ timeout: 120_000 });
    await page.getByText('The images among the results were not to be imported.').waitFor();
    const wish = page.locator('#delivery').getByRole('row').filter({ hasText: 'Images stay out of OMERO' });
    expect(await wish.getByRole('cell').innerText()).toBe('Not imported');
    expect(await page.locator('#delivery').getByText('could not be done').count()).toBe(0);
    expect(site.errors).toEqual([]);
  }, 150_000);
});
