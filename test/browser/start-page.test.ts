import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BrowsedStart, faultsOfLooks } from '../support/browsed-start.ts';
import { axeFindings, browserPath, gone, overflowOf, picture } from '../support/browser.ts';
import { describeWithPart } from '../support/optional-part.ts';

describeWithPart('Chromium', browserPath !== null, 'starting a run in the browser', () => {
  let site: BrowsedStart;
  let hook: Server;
  const hooks: string[] = [];
  let page: Page;

  beforeAll(async () => {
    hook = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
      request.on('end', () => {
        hooks.push(body);
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
    site = new BrowsedStart({
      BIOMERO_BRIDGE_WEBHOOK_URL: `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`,
      BIOMERO_BRIDGE_WEBHOOK_SECRET: 'a-secret-for-the-test',
    });
    await site.open(11);
    ({ page } = site);
    await site.signIn('token');
    await page.getByRole('link', { name: 'Start a run' }).click();
  }, 180_000);

  afterAll(async () => {
    hook?.close();
    await site?.close();
  });

  test('what cannot be started is said beside what was typed, and nothing is started', async () => {
    await page.getByRole('heading', { name: 'Start a run' }).waitFor();
    await page.getByLabel('Id of the dataset').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await picture(page, 'start');
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText('Give the id of a dataset.').waitFor();
    await page.getByLabel('Id of the dataset').fill('999999');
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText(/sees no dataset 999999/).waitFor();
    await page.getByLabel('some images of a dataset').check();
    await page.getByLabel('Ids of the images').fill('Image:1, 888888');
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText(/holds all of the images 1, 888888/).waitFor();
    expect(await faultsOfLooks(page, 'start-refused')).toEqual([]);
  }, 180_000);

  test('two images are checked, with the folder that their results go to, and the run is followed to its end', async () => {
    await page.getByLabel('Ids of the images').fill('2, 1');
    const number = page.locator('.parameters input[inputmode=numeric], .parameters input[inputmode=decimal]').first();
    const usual = await number.inputValue();
    await number.fill('no number');
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText(/Parameter .*"no number" is not/).waitFor();
    await number.fill(usual);
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByRole('heading', { name: 'It can be started' }).waitFor();
    await page.getByText(/2 images of dataset \d+/).waitFor();
    await page.getByText('researcher', { exact: true }).waitFor();
    expect(await page.locator('.banner code').textContent()).toContain('/demo');
    expect(await axeFindings(page)).toEqual([]);
    await picture(page, 'start-checked');
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width: 390, height: 844 });
      expect(await overflowOf(page)).toBe(0);
      await picture(page, `start-checked-390-${scheme}`);
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1440, height: 900 });
    // A change takes the answer away: what is started is what was checked.
    await page.getByLabel('Ids of the images').fill('2,1');
    await gone(page.getByRole('button', { name: 'Start the run' }));
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByRole('button', { name: 'Start the run' }).dblclick();
    await page.waitForURL(/\/runs\/[0-9a-f-]{36}$/);
    await page
      .getByText(/2 of 2 images are in dataset/)
      .first()
      .waitFor({ timeout: 90_000 });
    await page.getByText(/: images 1, 2$/).waitFor();
    const id = page.url().slice(-36);
    const runs = await site.folder.connect('biomero');
    try {
      const { rows } = await runs.query(
        `select r.input_images, r.user_name, a.who from bridge.runs r join bridge.audit a on a.run_id = r.id where r.id = $1`,
        [id],
      );
      expect(rows).toEqual([{ input_images: ['1', '2'], user_name: 'researcher', who: 'quick start' }]);
    } finally {
      await runs.end();
    }
    expect(site.errors).toEqual([]);
  }, 150_000);

  test('a researcher starts a run on a dataset of their own, in their own name, and follows it to its end', async () => {
    const other = await site.newPage();
    await site.signIn('researcher', other);
    await other.getByRole('link', { name: 'Start a run' }).click();
    // A dataset that they do not see does not exist for them.
    await other.getByLabel('Id of the dataset').fill('999999');
    await other.getByRole('button', { name: 'Check' }).click();
    await other.getByText(/researcher sees no dataset 999999/).waitFor();
    await other.getByLabel('Id of the dataset').fill('1');
    await other.getByRole('button', { name: 'Check' }).click();
    await other.getByRole('heading', { name: 'It can be started' }).waitFor();
    await other.getByText('researcher, group demo').waitFor();
    await other.getByRole('button', { name: 'Start the run' }).click();
    await other.waitForURL(/\/runs\/[0-9a-f-]{36}$/);
    await other.getByText('4 of 4 images are in dataset').waitFor({ timeout: 120_000 });
    const runs = await site.folder.connect('biomero');
    try {
      const { rows } = await runs.query(
        `select r.user_name, r.group_name, a.who, a.action from bridge.runs r join bridge.audit a on a.run_id = r.id where r.id = $1`,
        [other.url().slice(-36)],
      );
      expect(rows).toEqual([{ user_name: 'researcher', group_name: 'demo', who: 'researcher', action: 'start' }]);
    } finally {
      await runs.end();
    }
    await other.close();
    expect(site.errors).toEqual([]);
  }, 180_000);

  test('an administrator sees that the run was told by webhook, and tests it', async () => {
    await page.goto(`${site.address}/notifications`);
    await page.getByRole('row').filter({ hasText: 'Sent' }).first().waitFor({ timeout: 60_000 });
    await page.getByRole('button', { name: 'Send a test' }).click();
    await page.getByText('Webhook: the test was sent.').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await picture(page, 'notifications');
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await overflowOf(page)).toBe(0);
    expect(hooks.some((body) => body.includes('"state":"done"'))).toBe(true);
    expect(hooks.filter((body) => body.includes('"state":"test"'))).toHaveLength(1);
    expect(site.errors).toEqual([]);
  }, 90_000);
});
