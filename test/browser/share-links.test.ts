import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BrowsedStart, faultsOfLooks } from '../support/browsed-start.ts';
import { axeFindings, browserPath, gone, picture } from '../support/browser.ts';
import { describeWithPart } from '../support/optional-part.ts';

// A run shown to somebody without an account, by a link of its owner's.
describeWithPart('Chromium', browserPath !== null, 'links that show a run without sign-in', () => {
  const site = new BrowsedStart({ BIOMERO_BRIDGE_SHARE_LINKS: 'true' });
  let page: Page;
  let address = '';
  let run = '';
  const profiles: BrowserContext[] = [];
  const tokens: string[] = [];
  const sent: string[] = [];

  beforeAll(async () => {
    run = await site.open(6);
    ({ page, address } = site);
    await site.folder.until(site.started, async () => site.started.output().includes('Nuclei found'));
    await site.signIn('researcher');
    await page.getByRole('link', { name: /nuclei 1.0.0/ }).click();
  }, 180_000);
  afterAll(() => site.close());

  /** Makes a link in the dialog, as its owner does. */
  async function makeLink(): Promise<string> {
    await page.getByRole('button', { name: /^Share/ }).click();
    const dialog = page.getByRole('dialog', { name: 'Share this run' });
    await dialog.getByRole('button', { name: 'Make a link' }).click();
    const link = (await dialog.locator('.made code').textContent()) ?? '';
    expect(link).toMatch(new RegExp(`^${address}/shared#bbs_[0-9a-f]{12}_[\\w-]{43}$`));
    tokens.push(link.split('#')[1] ?? '');
    expect(await axeFindings(page)).toEqual([]);
    await picture(page, `share-dialog-${tokens.length}`);
    await dialog.getByRole('button', { name: 'Close' }).click();
    return link;
  }

  /** A browser that has never been here. */
  async function cleanPage(): Promise<Page> {
    const clean = await site.newPage();
    profiles.push(clean.context());
    clean.on('request', (request) => sent.push(`${request.url()} ${request.headers()['referer'] ?? ''}`));
    return clean;
  }

  test('the dialog says who the address is for, and makes a link that is shown once', async () => {
    await page.getByRole('button', { name: 'Share', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Share this run' });
    await dialog.getByText(/opens for whoever may see the run/).waitFor();
    await dialog.getByText(`${address}/runs/${run}`).waitFor();
    await dialog.getByLabel('How long it is open').selectOption('30');
    await dialog.getByRole('button', { name: 'Make a link' }).click();
    tokens.push(((await dialog.locator('.made code').textContent()) ?? '').split('#')[1] ?? '');
    await dialog
      .getByRole('listitem')
      .filter({ hasText: 'by researcher' })
      .filter({ hasText: 'never opened' })
      .waitFor();
    expect(await faultsOfLooks(page, 'share-dialog')).toEqual([]);
    await dialog.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'Share, 1 open link' }).click();
    expect(await dialog.locator('.made').count()).toBe(0);
    await dialog.getByRole('button', { name: /^Revoke link/ }).click();
    await gone(dialog.getByRole('listitem'));
    await dialog.getByRole('button', { name: 'Close' }).click();
  }, 180_000);

  test('in a clean profile the link shows the run with pictures, tables and log, and nothing else', async () => {
    const link = await makeLink();
    const clean = await cleanPage();
    await clean.goto(link);
    await clean.getByText('Shared with you by researcher').waitFor();
    // The token has left the address, and no script can read it.
    expect(clean.url()).toBe(`${address}/shared/${run}`);
    expect(await clean.evaluate('document.cookie')).toBe('');
    const cookies = await profiles.at(-1)?.cookies(`${address}/api/runs/${run}`);
    expect(cookies).toMatchObject([{ httpOnly: true, sameSite: 'Strict', path: `/api/runs/${run}` }]);
    expect(await profiles.at(-1)?.cookies(address)).toEqual([]);
    await clean.getByRole('heading', { name: /Archive safe/ }).waitFor();
    await clean.getByText('4 of 4 images are in dataset').waitFor();
    const drawn = `[...document.querySelectorAll('.tile img')].filter((image) => image.naturalWidth > 50).length`;
    await expect.poll(() => clean.evaluate<number>(drawn), { timeout: 20_000 }).toBeGreaterThan(3);
    await clean.getByRole('img', { name: /^Distribution of/ }).waitFor();
    await clean
      .locator('#log')
      .getByText(/nuclei/i)
      .first()
      .waitFor();
    expect(await clean.getByRole('button', { name: /^(Give up|Share|Retry|Sign out)/ }).count()).toBe(0);
    expect(await clean.getByRole('navigation', { name: 'Main' }).count()).toBe(0);
    for (const path of ['/api/runs', '/api/session', '/api/workflows', `/api/runs/${run}/comparison`])
      expect(await clean.evaluate(`fetch('${path}').then((r) => r.status)`), path).toBe(401);
    for (const path of [`/api/runs/${run}/retry`, `/api/runs/${run}/links`])
      expect(await clean.evaluate(`fetch('${path}', { method: 'POST' }).then((r) => r.status)`), path).toBe(401);
    expect(await faultsOfLooks(clean, 'shared-run')).toEqual([]);
    await clean.reload();
    await clean.getByText('Shared with you by researcher').waitFor();
    // The list is behind the sign-in as before.
    await clean.goto(address);
    await clean.getByRole('heading', { name: 'Sign in' }).waitFor();
  }, 180_000);

  test('a link that is revoked closes the page that it opened, and opens no more', async () => {
    const link = await makeLink();
    const id = /bbs_([0-9a-f]{12})/.exec(link)?.[1];
    const clean = await cleanPage();
    await clean.goto(link);
    await clean.getByText('Shared with you by researcher').waitFor();
    await page.getByRole('button', { name: 'Share, 2 open links' }).click();
    const dialog = page.getByRole('dialog', { name: 'Share this run' });
    await dialog.getByRole('button', { name: `Revoke link ${id}` }).click();
    await gone(dialog.getByText(id ?? ''));
    await dialog.getByRole('button', { name: 'Close' }).click();
    await clean.getByText('This link was revoked.').waitFor({ timeout: 60_000 });
    expect(await clean.getByRole('heading', { name: /Archive safe/ }).count()).toBe(0);
    const other = await cleanPage();
    await other.goto(link);
    await other.getByText('This link was revoked.').waitFor();
    expect(await axeFindings(other)).toEqual([]);
    await picture(other, 'share-revoked');
  }, 120_000);

  test('a link that has expired says until when it was open', async () => {
    const link = await makeLink();
    const runs = await site.folder.connect('biomero');
    await runs.query(`update bridge.share_links set expires_at = '2026-01-02T03:04:05Z' where id = $1`, [
      link.slice(link.indexOf('_') + 1).slice(0, 12),
    ]);
    await runs.end();
    const clean = await cleanPage();
    await clean.goto(link);
    await clean.getByText(/This link was open until 2026-01-02. Ask researcher/).waitFor();
    await clean.goto(`${address}/shared#nonsense`);
    await clean.reload();
    await clean.getByText('This link opens nothing on this server.').waitFor();
  }, 180_000);

  test('no token stands in an address that was asked for, in a referrer or in a log', async () => {
    expect(tokens).toHaveLength(4);
    const log = readFileSync(join(site.folder.path, 'bridge.log'), 'utf8');
    expect(log).toContain('"msg"');
    for (const token of tokens) {
      const secret = token.slice(17);
      expect(secret).toHaveLength(43);
      // The browser itself keeps what stands after # to itself.
      expect(sent.filter((line) => line.replace(/#\S*/, '').includes(secret))).toEqual([]);
      expect(log + site.started.output()).not.toContain(secret);
    }
    expect(site.errors).toEqual([]);
  });
});
