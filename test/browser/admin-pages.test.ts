import { randomUUID } from 'node:crypto';
import { chownSync, mkdirSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { faultsOfLooks } from '../support/browsed-start.ts';
import { addressOf, browserPath, gone, picture, startBrowser } from '../support/browser.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { QuickStartFolder, type Started } from '../support/quick-start.ts';

/** A name that is markup, has a line break, and turns the direction of reading. */
const oddName = '<img src=x onerror="document.title=1">\n\u202egroup';

describeWithPart('Chromium', browserPath !== null, 'pages of administrators', () => {
  const folder = new QuickStartFolder();
  let started: Started;
  let browser: Browser;
  let page: Page;
  let address = '';
  let run = '';
  const errors: string[] = [];

  beforeAll(async () => {
    browser = await startBrowser();
    page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    page.on('pageerror', (error) => errors.push(String(error)));
    started = folder.start('--seed', '4');
    const found = await addressOf(folder, started);
    address = found.address;
    [, run = ''] = await folder.until(started, async () => /Page +\S+\/runs\/(\S{36})/.exec(started.output()));
    await page.goto(`${address}/?token=${found.token}`);
    await page.getByRole('link', { name: /nuclei 1.0.0/ }).waitFor();
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    await folder.remove();
  });

  /** An order that nobody takes: somebody else holds it. */
  async function heldOrder(group: string): Promise<string> {
    const uuid = randomUUID();
    const orders = await folder.connect('orders');
    try {
      await orders.query(
        `with held as (insert into bridge.leases (resource, holder, token, expires_at)
           values ('order:' || $1, 'nobody', 1, now() + interval '1 day'))
         insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, "timestamp", files, file_names)
         values ($2, 'somebody', '1', 'Dataset', 'Import Pending', $1, now() - interval '3 hours', '["/x/a.tif"]', '[]')`,
        [uuid, group],
      );
    } finally {
      await orders.end();
    }
    return uuid;
  }

  test('orders are seen by group with their importers, and one is cancelled with a reason that the audit keeps', async () => {
    const uuid = await heldOrder(oddName);
    await page.getByRole('link', { name: 'Orders' }).click();
    await page.getByRole('row').filter({ hasText: 'Alive' }).waitFor();
    const order = page
      .getByRole('row')
      .filter({ hasText: uuid.slice(0, 8) })
      .filter({ hasText: 'Dataset' });
    await order.waitFor();
    // The name is text: nothing of it became an element or ran.
    expect(await page.locator('img').count()).toBe(0);
    await page.getByRole('rowheader').filter({ hasText: '<img src=x' }).waitFor();
    await picture(page, 'orders');
    await order.getByRole('button', { name: /^Cancel/ }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').fill('the <i>wrong</i> dataset');
    expect(await faultsOfLooks(page, 'order-cancel')).toEqual([]);
    await dialog.getByRole('button', { name: 'Cancel the order' }).click();
    await gone(dialog);
    await page.getByRole('button', { name: 'Failed', exact: true }).click();
    await page.getByRole('link', { name: uuid.slice(0, 8) }).click();
    await page.getByText(/Cancelled by quick start: the <i>wrong<\/i> dataset/).waitFor();
    // Nobody has begun to import it: there is no log.
    expect(await page.getByRole('heading', { name: 'Log of the import' }).count()).toBe(0);
    expect(await faultsOfLooks(page, 'order')).toEqual([]);
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByRole('row').filter({ hasText: 'the <i>wrong</i> dataset' }).filter({ hasText: 'cancel' }).waitFor();
    expect(await page.locator('main i').count()).toBe(0);
    await page.getByRole('searchbox', { name: 'Search the audit' }).fill('nothing like it');
    await page.getByRole('heading', { name: 'Nothing matches' }).waitFor();
    expect(await faultsOfLooks(page, 'audit-empty')).toEqual([]);
    // The order of the sample run has been imported: what the importer wrote of it is there.
    await page.goto(`${address}/runs/${run}`);
    await page.getByRole('link', { name: /^Open order/ }).click();
    const log = page.getByRole('region', { name: 'Text of the log' });
    await log
      .getByText(/nuclei_01_labels\.ome\.tif/)
      .first()
      .waitFor();
    expect(await faultsOfLooks(page, 'order-imported')).toEqual([]);
  }, 180_000);

  test('a group is given a folder in the tree, and the worker archives its next run there', async () => {
    const base = join(folder.path, 'storage');
    for (const path of ['Lab', 'Lab/New place', 'Lab/<b>odd']) {
      mkdirSync(join(base, path));
      if (process.getuid?.() === 0) chownSync(join(base, path), 65_534, 65_534);
    }
    symlinkSync('/etc', join(base, 'link'));
    await page.getByRole('link', { name: 'Mappings' }).click();
    await page.getByRole('row').filter({ hasText: 'demo' }).filter({ hasText: 'not mapped' }).waitFor();
    await page.getByRole('button', { name: 'demo' }).click();
    const tree = page.getByRole('tree');
    await tree.getByRole('treeitem', { name: 'Lab' }).waitFor();
    expect(await tree.getByRole('treeitem').allInnerTexts()).toEqual(['demo', 'Lab']);
    await tree.getByRole('treeitem', { name: 'demo' }).focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    await tree.getByRole('treeitem', { name: '<b>odd' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByText('this server can write').waitFor();
    await expect
      .poll(() => page.getByRole('region', { name: 'Resolved path' }).textContent())
      .toBe(`${base}/Lab/New place/.analyzed/<workflow run>/<time>/`);
    await page.getByText('1 archive of this group stays where it is').waitFor();
    expect(await faultsOfLooks(page, 'mapping-editor')).toEqual([]);
    await page.getByLabel('Folder, relative to the storage').fill('../elsewhere');
    await page.getByText('it holds ".."').waitFor();
    await gone(page.getByRole('button', { name: 'Save mapping' }));
    await page.getByLabel('Folder, relative to the storage').fill('Lab/New place');
    await page.getByRole('button', { name: 'Save mapping' }).click();
    await page.getByText('It counts from the next archive on.').waitFor();
    expect(await faultsOfLooks(page, 'mapping-saved')).toEqual([]);
    await page.getByRole('row').filter({ hasText: 'demo' }).filter({ hasText: 'Lab/New place' }).waitFor();
    const next = folder.cli('run', 'nuclei', '--dataset', '1', '--user', 'researcher', '--group', 'demo').trim();
    await page.goto(`${address}/runs/${next}`);
    await page.getByRole('heading', { name: /Archive safe/ }).waitFor({ timeout: 90_000 });
    expect(readdirSync(join(base, 'Lab', 'New place', '.analyzed'))).toEqual([next]);
  }, 180_000);

  test('the storage shows its mount, and the folders of groups are tried', async () => {
    await page.getByRole('link', { name: 'Storage' }).click();
    await page.getByRole('row').filter({ hasText: 'Known' }).waitFor();
    await page.getByRole('button', { name: 'Check all groups' }).click();
    await page.getByRole('row').filter({ hasText: 'Can be written' }).waitFor();
    expect(await faultsOfLooks(page, 'storage-checked')).toEqual([]);
  });

  test('health says what is well and what needs someone, and who stopped is told', async () => {
    await page.getByRole('link', { name: 'Health' }).click();
    await page.getByText('Sign-in to OMERO').waitFor();
    const marker = join(folder.path, 'storage', '.biomero-bridge-storage.json');
    const check = page
      .getByRole('listitem')
      .filter({ has: page.getByRole('heading', { name: 'Storage', exact: true }) });
    renameSync(marker, `${marker}.away`);
    try {
      await page.getByRole('button', { name: 'Check again' }).click();
      await check.getByText('Failing').waitFor();
      await check.getByText(/storage adopt --replace/).waitFor();
      expect(await faultsOfLooks(page, 'health-failing')).toEqual([]);
    } finally {
      renameSync(`${marker}.away`, marker);
    }
    await page.getByRole('button', { name: 'Check again' }).click();
    await gone(check.getByText('Failing'));
  }, 180_000);

  test('no page threw an error', () => {
    expect(errors).toEqual([]);
  });
});
