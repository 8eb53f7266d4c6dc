import { afterAll, beforeAll, expect, test } from 'vitest';
import { BrowsedStart, faultsOfLooks } from '../support/browsed-start.ts';
import { browserPath } from '../support/browser.ts';
import { describeWithPart } from '../support/optional-part.ts';

// Where no importer is: a researcher starts a run, and its results go into OMERO the classic way.
describeWithPart('Chromium', browserPath !== null, 'a run of the classic way in the browser', () => {
  const site = new BrowsedStart({ IMPORTER_ENABLED: 'false' });

  beforeAll(async () => {
    await site.open(8);
    await site.signIn('researcher');
  }, 180_000);
  afterAll(() => site.close());

  test('it is started by a researcher, says that it keeps no archive, and ends with all images in OMERO', async () => {
    const { page, folder, started } = site;
    await page.getByRole('link', { name: 'Start a run' }).click();
    await page.getByLabel('Id of the dataset').fill('1');
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText('OMERO alone; they are not archived on the storage').waitFor();
    await page.getByRole('button', { name: 'Start the run' }).click();
    await page.waitForURL(/\/runs\/[0-9a-f-]{36}$/);
    const id = page.url().slice(-36);
    await page.getByRole('heading', { name: 'No archive' }).waitFor();
    await page.getByRole('heading', { name: /Visible in OMERO/ }).waitFor({ timeout: 120_000 });
    await page.getByText('Images, log and zip of the results are in OMERO').waitFor();
    const steps = page.getByRole('row').filter({ hasText: /done/ });
    await expect.poll(() => steps.count()).toBeGreaterThan(3);
    // Nothing of an archive or an upload order is spoken of.
    expect(await page.getByText('Archive safe').count()).toBe(0);
    expect(await page.getByText('Upload order', { exact: true }).count()).toBe(0);
    expect(await page.getByText('get-results').count()).toBe(1);
    const runs = await folder.connect('biomero');
    const { rows: removed } = await folder.until(started, async () => {
      const found = await runs.query(`select job_id from bridge.runs where id = $1 and cluster_data = 'removed'`, [id]);
      return found.rowCount === 1 && found;
    });
    await page.reload();
    // The log went with the job's data; where it is now is said, and not that it is still to come.
    const log = page.locator('#log');
    await log
      .getByText(new RegExp(`Look for it in OMERO: omero-${removed[0].job_id}\\.log is attached to Dataset \\d+\\.`))
      .waitFor();
    expect(await log.getByText(/yet/).count()).toBe(0);
    expect(await log.getByRole('button').count()).toBe(0);
    expect(await faultsOfLooks(page, 'classic-run')).toEqual([]);
    try {
      const { rows } = await runs.query(
        `select r.user_name, r.recipe, r.outcome, a.who from bridge.runs r join bridge.audit a on a.run_id = r.id where r.id = $1`,
        [id],
      );
      expect(rows).toEqual([{ user_name: 'researcher', recipe: 'get-results', outcome: 'done', who: 'researcher' }]);
    } finally {
      await runs.end();
    }
    expect(site.errors).toEqual([]);
  }, 200_000);
});
