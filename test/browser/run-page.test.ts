import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { faultsOfLooks } from '../support/browsed-start.ts';
import { addressOf, browserPath, gone, overflowOf, picture, startBrowser } from '../support/browser.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { QuickStartFolder, type Started } from '../support/quick-start.ts';

// The pages as a person sees them, in a real browser. SCREENSHOTS=folder keeps pictures of them.
describeWithPart('Chromium', browserPath !== null, 'run pages', () => {
  const folder = new QuickStartFolder({ environment: { BIOMERO_BRIDGE_OMERO_WEB_URL: 'https://omero.example.org/' } });
  let started: Started;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    browser = await startBrowser();
    page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    started = folder.start('--seed', '3');
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await folder.remove();
  });

  test('a run is followed live, from the sign-in to its end, without a reload', async () => {
    const { address, token } = await addressOf(folder, started);
    await page.goto(address);
    await page.getByLabel('Token').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('not the one of this server').waitFor();
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Runs' }).waitFor();
    // The list was empty or held the run already; either way the run appears by itself.
    await page.getByRole('link', { name: /nuclei 1.0.0/ }).click({ timeout: 60_000 });
    await page.getByRole('heading', { name: /nuclei 1.0.0/ }).waitFor();
    await page.getByText('4 of 4 images are in dataset 2.').waitFor({ timeout: 60_000 });
    await page.getByRole('heading', { name: /Archive safe/ }).waitFor();
    await page.getByRole('heading', { name: /Visible in OMERO/ }).waitFor();
    const done = page.getByRole('row').filter({ hasText: /^(Submit|Follow|Archive|Order|Import|Annotate) ?done/ });
    await expect.poll(() => done.count(), { timeout: 30_000 }).toBe(6);
    await expect.poll(() => page.getByText('In OMERO', { exact: true }).count()).toBeGreaterThanOrEqual(4);
    await page.getByText(/100%/).first().waitFor();
    // Browsers complain of refusals that the page expects: of the wrong token, and of a log that is not there yet.
    expect(complaints.filter((c) => !/status of 40[14]/.test(c))).toEqual([]);
    await picture(page, 'run-light');
    await page.goto(address);
    await page.getByRole('link', { name: /nuclei 1.0.0/ }).waitFor();
    await picture(page, 'runs-light');
  }, 120_000);

  test('results are looked at: pictures of the archive, measurements sorted and drawn', async () => {
    await page.getByRole('link', { name: /nuclei 1.0.0/ }).click();
    // The workflow says how many it found in each image; the picture's own labels are as many.
    const line = page.locator('#log').getByText(/\d+ nuclei in "nuclei_02.ome.tif"/);
    const told = /(\d+) nuclei in "nuclei_02/.exec(await line.innerText())?.[1] ?? 'no';
    await page.locator('.tile', { hasText: 'nuclei_02_labels' }).getByText(`${told} labels`).waitFor();
    await page.locator('.tile', { hasText: 'nuclei_02_labels' }).click();
    await page.locator('.inspector').getByText('16 bit').waitFor();
    await page.locator('.inspector').getByText(`${told} labels`, { exact: true }).waitFor();
    const link = page.locator('.inspector').getByRole('link').first();
    expect(await link.getAttribute('href')).toMatch(/^https:\/\/omero\.example\.org\/webclient\/\?show=image-\d+$/);
    await page.locator('a[href="https://omero.example.org/webclient/?show=dataset-2"]').waitFor();
    // The labels lie over the input image that they were made from.
    const below = page.locator('.inspector').getByRole('img', { name: 'Input of nuclei_02' });
    await below.waitFor();
    await expect
      .poll(
        () =>
          page.evaluate<number>(
            'Math.min(...[...document.querySelectorAll(".inspector img")].map((image) => image.naturalWidth))',
          ),
        { timeout: 20_000 },
      )
      .toBeGreaterThan(300);
    const opacity = (): Promise<string> =>
      page.evaluate<string>('getComputedStyle(document.querySelector(".inspector img.over")).opacity');
    expect(await opacity()).toBe('0.6');
    await page.locator('.inspector').getByRole('slider').fill('20');
    expect(await opacity()).toBe('0.2');
    await page.getByRole('button', { name: 'Labels', exact: true }).click();
    await gone(below);
    await expect
      .poll(() => page.evaluate<number>('document.querySelector(".inspector img").naturalWidth'), { timeout: 20_000 })
      .toBeGreaterThan(300);
    // Labels of the quick start are many; a picture of one colour would show none.
    const colours = await page.evaluate<number>(`(() => {
      const image = document.querySelector('.inspector img');
      const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
      const context = canvas.getContext('2d');
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Set();
      for (let i = 0; i < data.length; i += 4) seen.add(data[i] * 65536 + data[i + 1] * 256 + data[i + 2]);
      return seen.size;
    })()`);
    expect(colours).toBeGreaterThan(20);
    await page.getByRole('button', { name: 'area_px' }).click();
    await page.getByRole('columnheader', { name: 'area_px' }).and(page.locator('[aria-sort=ascending]')).waitFor();
    const cells = page.locator('.measures td.selected');
    // The heading says what was asked for, while the rows may still be those from before.
    const sorted = async (): Promise<number> => {
      const areas = (await cells.allTextContents()).map(Number);
      return areas.every((area, i) => i === 0 || area >= (areas[i - 1] ?? 0)) ? areas.length : 0;
    };
    await expect.poll(sorted).toBe(100);
    await page.getByRole('img', { name: /^Distribution of area_px/ }).waitFor();
    await page.getByLabel('Against').selectOption({ label: 'mean_intensity' });
    await page.getByRole('img', { name: /^mean_intensity against area_px/ }).waitFor();
    expect(await faultsOfLooks(page, 'results')).toEqual([]);
    await page.goBack();
  }, 180_000);

  test('the pages keep within a narrow window and in the dark', async () => {
    await page.setViewportSize({ width: 400, height: 900 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await picture(page, 'runs-narrow-dark');
    await page.getByRole('link', { name: /nuclei 1.0.0/ }).click();
    await page.getByText('4 of 4 images are in dataset 2.').waitFor();
    await picture(page, 'run-narrow-dark');
    expect(await overflowOf(page)).toBeLessThanOrEqual(0);
  });

  test('the first page needs less than 120 kB of script, packed', async () => {
    const origin = new URL(page.url()).origin;
    const html = await (await fetch(origin)).text();
    const scripts = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+\.js)"/g)].map((m) => m[1] ?? '');
    expect(scripts.length).toBeGreaterThan(0);
    let bytes = 0;
    for (const path of scripts) bytes += gzipSync(Buffer.from(await (await fetch(origin + path)).arrayBuffer())).length;
    expect(bytes).toBeLessThan(120_000);
  });

  test('a person signs in with the OMERO account, and finds the run by searching', async () => {
    const secrets = JSON.parse(readFileSync(join(folder.path, 'start.json'), 'utf8')) as {
      secrets: { userPassword: string };
    };
    const other = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await other.goto(new URL(page.url()).origin);
    await other.getByRole('button', { name: 'Use an OMERO account instead' }).click();
    await other.getByLabel('User name').fill('researcher');
    await other.getByLabel('Password').fill('wrong');
    await other.getByRole('button', { name: 'Sign in' }).click();
    await other.getByText('OMERO does not know this name with this password.').waitFor();
    await picture(other, 'sign-in');
    await other.getByLabel('Password').fill(secrets.secrets.userPassword);
    await other.getByRole('button', { name: 'Sign in' }).click();
    await other.getByRole('link', { name: /nuclei 1.0.0/ }).waitFor();
    await other.keyboard.press('/');
    await other.keyboard.type('no such thing');
    await other.getByRole('heading', { name: 'No run matches' }).waitFor();
    expect(new URL(other.url()).search).toBe('?text=no+such+thing');
    await other.getByRole('button', { name: 'Show all' }).click();
    await other.getByRole('button', { name: /^Finished 1/ }).click();
    await other.getByRole('link', { name: /nuclei 1.0.0/ }).waitFor();
    await picture(other, 'runs-filtered');
    await other.getByRole('link', { name: /nuclei 1.0.0/ }).click();
    await other.getByRole('button', { name: 'Share', exact: true }).click();
    // Links without sign-in are off unless a site wants them.
    const share = other.getByRole('dialog', { name: 'Share this run' });
    await share.getByText('switched off on this server').waitFor();
    expect(await share.getByRole('button').allTextContents()).toEqual(['', 'Close']);
    await picture(other, 'share-off');
    await share.getByRole('button', { name: 'Close' }).click();
    await other.getByRole('button', { name: 'Sign out' }).click();
    await other.getByRole('heading', { name: 'Sign in' }).waitFor();
    await other.close();
  }, 180_000);

  test('a run is held against the last good one of its workflow', async () => {
    const address = new URL(page.url()).origin;
    const started = folder.cli(
      ...['run', 'nuclei', '--dataset', '1', '--user', 'researcher', '--group', 'demo', '--parameter', 'min_area=400'],
    );
    const id = started.trim();
    await page.goto(`${address}/runs/${id}`);
    await page.getByText('4 of 4 images are in dataset').waitFor({ timeout: 90_000 });
    const table = page.getByRole('table', { name: /beside the last run of the workflow/ });
    const changed = table.getByRole('row').filter({ hasText: 'min_area' });
    await changed.waitFor();
    expect(await changed.getByRole('cell').allInnerTexts()).toEqual(['0', '400']);
    await page.getByRole('button', { name: 'Show all', exact: true }).last().click();
    await page.getByRole('button', { name: 'Show differences only' }).waitFor();
    expect(await faultsOfLooks(page, 'comparison')).toEqual([]);
    await page.goto(address);
    await page.getByRole('row').filter({ hasText: 'are in dataset 2.' }).getByRole('link').click();
    await page.getByText('4 of 4 images are in dataset 2.').waitFor();
  }, 180_000);

  test('a lost connection is said, and the page catches up', async () => {
    await page.setViewportSize({ width: 1440, height: 1000 });
    started.process.kill('SIGTERM');
    await started.exit;
    await page.getByText(/Connection lost at/).waitFor({ timeout: 30_000 });
    started = folder.start('--seed', '3');
    await gone(page.getByText(/Connection lost at/), 60_000);
    await page.getByText('4 of 4 images are in dataset 2.').waitFor();
  }, 120_000);
});
