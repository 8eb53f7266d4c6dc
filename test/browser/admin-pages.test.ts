import { randomUUID } from 'node:crypto';
import { chownSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addressOf, axeFindings, browserPath, overflowOf, picture, startBrowser } from '../support/browser.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { QuickStartFolder, type Started } from '../support/quick-start.ts';

/** A name that is markup, has a line break, and turns the direction of reading. */
const oddName = '<img src=x onerror="document.title=1">\n\u202egroup';

describeWithPart('Chromium', browserPath !== null, 'pages of administrators, and access to all pages', () => {
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
    expect(await page.getByRole('rowheader').filter({ hasText: '<img src=x' }).count()).toBe(1);
    await picture(page, 'orders');
    await order.getByRole('button', { name: /^Cancel/ }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').fill('the <i>wrong</i> dataset');
    expect(await axeFindings(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Cancel the order' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Failed', exact: true }).click();
    await page.getByRole('link', { name: uuid.slice(0, 8) }).click();
    await page.getByText(/Cancelled by quick start: the <i>wrong<\/i> dataset/).waitFor();
    await picture(page, 'order');
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByRole('row').filter({ hasText: 'the <i>wrong</i> dataset' }).filter({ hasText: 'cancel' }).waitFor();
    expect(await page.locator('main i').count()).toBe(0);
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
    expect(await page.getByRole('region', { name: 'Resolved path' }).textContent()).toBe(
      `${base}/Lab/New place/.analyzed/<workflow run>/<time>/`,
    );
    await page.getByText('1 archive of this group stays where it is').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await picture(page, 'mappings');
    await page.getByLabel('Folder, relative to the storage').fill('../elsewhere');
    await page.getByText('it holds ".."').waitFor();
    expect(await page.getByRole('button', { name: 'Save mapping' }).count()).toBe(0);
    await page.getByLabel('Folder, relative to the storage').fill('Lab/New place');
    await page.getByRole('button', { name: 'Save mapping' }).click();
    await page.getByText('It counts from the next archive on.').waitFor();
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
    await picture(page, 'storage');
  });

  test('health says what is well and what needs someone, and who stopped is told', async () => {
    await page.getByRole('link', { name: 'Health' }).click();
    await page.getByText('Sign-in to OMERO').waitFor();
    const marker = join(folder.path, 'storage', '.biomero-bridge-storage.json');
    renameSync(marker, `${marker}.away`);
    await page.getByRole('button', { name: 'Check again' }).click();
    const check = page
      .getByRole('listitem')
      .filter({ has: page.getByRole('heading', { name: 'Storage', exact: true }) });
    await check.getByText('Failing').waitFor();
    await check.getByText(/storage adopt --replace/).waitFor();
    await picture(page, 'health');
    renameSync(`${marker}.away`, marker);
    await page.getByRole('button', { name: 'Check again' }).click();
    await check.getByText('Failing').waitFor({ state: 'detached' });
  }, 180_000);

  test('no page has a fault that axe finds, in either theme and at any width', async () => {
    const paths = ['/', `/runs/${run}`, '/orders', '/mappings', '/storage', '/health', '/audit', '/no-such-page'];
    for (const [theme, width] of [
      ['light', 1440],
      ['dark', 390],
    ] as const) {
      await page.emulateMedia({ colorScheme: theme });
      await page.setViewportSize({ width, height: 900 });
      for (const path of paths) {
        await page.goto(address + path);
        await page.locator('h1').waitFor();
        await page.locator('[aria-busy=true]').waitFor({ state: 'detached' });
        expect(await axeFindings(page), `${path}, ${theme}, ${width} px`).toEqual([]);
        expect(await overflowOf(page), `${path}, ${width} px`).toBeLessThanOrEqual(0);
        await picture(page, `${path.replace(/\W+/g, '-')}-${theme}-${width}`);
      }
    }
    // 200 % zoom of a window of 1280 px is a window of 640 px.
    await page.setViewportSize({ width: 640, height: 400 });
    for (const path of paths) {
      await page.goto(address + path);
      await page.locator('h1').waitFor();
      expect(await overflowOf(page), path).toBeLessThanOrEqual(0);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.emulateMedia({ colorScheme: 'light' });
  }, 120_000);

  test('everything is reached by keyboard: skip link, navigation, search, rows, help', async () => {
    await page.goto(address);
    await page
      .getByRole('link', { name: /nuclei 1.0.0/ })
      .first()
      .waitFor();
    const focused = (): Promise<string> =>
      page.evaluate<string>(
        `(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()`,
      );
    const order: string[] = [];
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('Tab');
      order.push(await focused());
    }
    expect(order).toEqual([
      'Skip to content',
      'biomero-bridge',
      'Runs',
      'Orders',
      'Mappings',
      'Storage',
      'Health',
      'Notifications',
      'Audit',
      'Sign out',
      'Start a run',
      'Search runs',
    ]);
    await page.evaluate('document.activeElement.blur()');
    await page.keyboard.press('/');
    expect(await focused()).toBe('Search runs');
    await page.keyboard.press('j');
    // What is typed into a field is text, not a command.
    expect(await page.getByLabel('Search runs').inputValue()).toBe('j');
    await page.getByRole('heading', { name: 'No run matches' }).waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await page
      .getByRole('link', { name: /nuclei 1.0.0/ })
      .first()
      .waitFor();
    await page.evaluate('document.activeElement.blur()');
    await page.keyboard.press('j');
    expect(await focused()).toContain('nuclei 1.0.0');
    await page.keyboard.press('k');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /nuclei 1.0.0/ }).waitFor();
    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Keyboard' });
    await help.getByText('Next row of a list').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await help.getByLabel('Single keys are on').click();
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'detached' });
    await page.keyboard.press('?');
    await page.keyboard.press('/');
    expect(await help.count()).toBe(0);
    await page.getByRole('button', { name: /^Keyboard/ }).click();
    await help.getByLabel('Single keys are on').click();
    await help.getByRole('button', { name: 'Close' }).click();
  }, 180_000);

  test('a theme that was chosen is kept, and motion is reduced where that is asked for', async () => {
    const background = (): Promise<string> =>
      page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await background();
    await page.getByRole('button', { name: 'Dark', exact: true }).click();
    const dark = await background();
    expect(dark).not.toBe(light);
    await page.reload();
    await page.getByRole('button', { name: 'Dark', exact: true, pressed: true }).waitFor();
    expect(await background()).toBe(dark);
    await page.getByRole('button', { name: 'System', exact: true }).click();
    expect(await background()).toBe(light);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    expect(await page.evaluate('getComputedStyle(document.querySelector(".button")).transitionDuration')).toBe('0s');
    await page.emulateMedia({ reducedMotion: 'no-preference' });
  });

  test('a researcher is shown no page of administrators, by link or by address', async () => {
    const { secrets } = JSON.parse(readFileSync(join(folder.path, 'start.json'), 'utf8')) as {
      secrets: { userPassword: string };
    };
    const other = await (await browser.newContext()).newPage();
    await other.goto(address);
    await other.getByRole('button', { name: 'Use an OMERO account instead' }).click();
    expect(await axeFindings(other)).toEqual([]);
    await other.getByLabel('User name').fill('researcher');
    await other.getByLabel('Password').fill(secrets.userPassword);
    await other.getByRole('button', { name: 'Sign in' }).click();
    await other
      .getByRole('link', { name: /nuclei 1.0.0/ })
      .first()
      .waitFor();
    expect(await other.getByRole('navigation', { name: 'Main' }).getByRole('link').allTextContents()).toEqual(['Runs']);
    await other.goto(`${address}/orders`);
    await other.getByRole('heading', { name: 'There is nothing here' }).waitFor();
    expect(await other.evaluate(`fetch('/api/admin/queue').then((r) => r.status)`)).toBe(403);
    await other.close();
  }, 180_000);

  test('no page threw an error', () => {
    expect(errors).toEqual([]);
  });
});
