import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BrowsedStart, faultsOfLooks } from '../support/browsed-start.ts';
import { browserPath, gone } from '../support/browser.ts';
import { describeWithPart } from '../support/optional-part.ts';

// Whoever looks, and however: every page in every theme and width, by keyboard, and by role.
describeWithPart('Chromium', browserPath !== null, 'access to all pages', () => {
  const site = new BrowsedStart();
  let page: Page;
  let address = '';
  let run = '';

  beforeAll(async () => {
    run = await site.open(9);
    ({ page, address } = site);
    await site.signIn('token');
    await page.getByRole('link', { name: /nuclei 1.0.0/ }).waitFor();
    await page.getByText('4 of 4 images are in dataset').waitFor({ timeout: 90_000 });
  }, 180_000);
  afterAll(() => site.close());

  test('no page has a fault that axe finds, in either theme and at any width', async () => {
    const paths = [
      ...[
        '/',
        '/?text=nothing',
        `/runs/${run}`,
        '/start',
        '/orders',
        '/mappings',
        '/storage',
        '/health',
        '/notifications',
      ],
      ...['/audit', '/no-such-page', `/runs/${randomUUID()}`, `/orders/${randomUUID()}`],
    ];
    for (const path of paths) {
      await page.goto(address + path);
      await page.locator('h1').waitFor();
      await gone(page.locator('[aria-busy=true]'));
      expect(await faultsOfLooks(page, path.replace(/\W+/g, '-'))).toEqual([]);
    }
    // In a narrow window, too, the navigation shows where one is.
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`${address}/audit`);
    const within = async (): Promise<boolean> => {
      const place = (await page.locator('nav [aria-current=page]').boundingBox()) ?? { x: -1, width: 0 };
      return place.x >= 0 && place.x + place.width <= 390;
    };
    await expect.poll(within).toBe(true);
    await page.setViewportSize({ width: 1440, height: 900 });
  }, 240_000);

  test('that there is no such run stands still, and promises no changes', async () => {
    await page.goto(`${address}/runs/${randomUUID()}`);
    const title = page.getByRole('heading', { name: 'No such run' });
    await title.waitFor();
    await page.evaluate(`window.vanished = 0;
      new MutationObserver(() => { if (!document.querySelector('h1')) window.vanished++; })
        .observe(document.body, { childList: true, subtree: true });`);
    // A stream that is refused comes back after 1, 2 and 4 seconds.
    await page.waitForTimeout(4_000);
    expect(await page.evaluate('window.vanished')).toBe(0);
    await title.waitFor();
    expect(await page.getByText(/^(Live|Not connected)$/).count()).toBe(0);
  });

  test('a page whose part is not on the server any more says so, and the others go on', async () => {
    await page.goto(address);
    await page.getByRole('heading', { name: 'Runs' }).waitFor();
    await page.route('**/assets/audit-page*', (route) => route.fulfill({ status: 404, body: 'gone' }));
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByRole('heading', { name: 'This page cannot be shown' }).waitFor();
    expect(await faultsOfLooks(page, 'page-fault')).toEqual([]);
    await page.getByRole('link', { name: 'Runs' }).click();
    await page.getByRole('heading', { name: 'Runs' }).waitFor();
    await page.unroute('**/assets/audit-page*');
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByRole('button', { name: 'Load it again' }).click();
    await page.getByRole('heading', { name: 'Audit', exact: true }).waitFor();
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
    expect(await faultsOfLooks(page, 'help')).toEqual([]);
    await help.getByLabel('Single keys are on').click();
    await page.keyboard.press('Escape');
    await gone(help);
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
    const other = await site.newPage();
    await other.goto(address);
    expect(await faultsOfLooks(other, 'sign-in-token')).toEqual([]);
    await other.getByRole('button', { name: 'Use an OMERO account instead' }).click();
    expect(await faultsOfLooks(other, 'sign-in-omero')).toEqual([]);
    await site.signIn('researcher', other);
    expect(await other.getByRole('navigation', { name: 'Main' }).getByRole('link').allTextContents()).toEqual(['Runs']);
    await other.goto(`${address}/orders`);
    await other.getByRole('heading', { name: 'There is nothing here' }).waitFor();
    expect(await other.evaluate(`fetch('/api/admin/queue').then((r) => r.status)`)).toBe(403);
    // Whoever may see no run is told what will be here.
    const runs = await site.folder.connect('biomero');
    await runs.query('update bridge.runs set group_id = group_id + 9000');
    try {
      await other.goto(address);
      await other.getByRole('heading', { name: 'Nothing has run yet' }).waitFor();
      expect(await faultsOfLooks(other, 'runs-empty')).toEqual([]);
    } finally {
      await runs.query('update bridge.runs set group_id = group_id - 9000');
      await runs.end();
    }
    // A session that OMERO has ended ends here, and the page says so.
    await other.context().clearCookies();
    await other.getByRole('link', { name: 'Start a run' }).first().click();
    await other.getByText('Your session ended. Runs went on without it.').waitFor();
    expect(await faultsOfLooks(other, 'sign-in-ended')).toEqual([]);
    await other.getByRole('button', { name: 'Use an OMERO account instead' }).focus();
    await other.keyboard.press('Enter');
    await other.getByLabel('User name').focus();
    await other.keyboard.type('researcher');
    await other.keyboard.press('Tab');
    await other.keyboard.type('wrong');
    await other.keyboard.press('Enter');
    await other.getByText('OMERO does not know this name with this password.').waitFor();
    expect(await faultsOfLooks(other, 'sign-in-refused')).toEqual([]);
    await other.context().close();
  }, 180_000);

  test('no page threw an error', () => {
    expect(site.errors.filter((error) => !error.includes('audit-page'))).toEqual([]);
  });
});
