import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { chromium, type Browser, type Locator, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { findExecutable } from './optional-part.ts';
import type { QuickStartFolder, Started } from './quick-start.ts';

/** Where Chromium is on this machine; null: nowhere. */
export const browserPath = findExecutable('chromium') ?? findExecutable('google-chrome');

export async function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: browserPath ?? '',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** The address that a quick start printed, and its token. */
export async function addressOf(
  folder: QuickStartFolder,
  started: Started,
): Promise<{ address: string; token: string }> {
  const [, address = '', token = ''] = await folder.until(started, async () =>
    /(http:\/\/\S+)\/\?token=(\S+)/.exec(started.output()),
  );
  return { address, token };
}

/** Signs in with the OMERO account that every quick start has; the list of runs is there afterwards. */
export async function signInAsResearcher(page: Page, address: string, folder: QuickStartFolder): Promise<void> {
  const { secrets } = JSON.parse(readFileSync(join(folder.path, 'start.json'), 'utf8')) as {
    secrets: { userPassword: string };
  };
  await page.goto(address);
  await page.getByRole('button', { name: 'Use an OMERO account instead' }).click();
  await page.getByLabel('User name').fill('researcher');
  await page.getByLabel('Password').fill(secrets.userPassword);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page
    .getByRole('link', { name: /nuclei 1.0.0/ })
    .first()
    .waitFor();
}

/**
 * Waits until nothing matches any more. `waitFor({ state: 'detached' })` fails at once where two things match, which
 * happens in the moment before a list is filtered.
 */
export async function gone(locator: Locator, timeout = 30_000): Promise<void> {
  await expect.poll(() => locator.count(), { timeout }).toBe(0);
}

/** Keeps a picture of a page where SCREENSHOTS names a folder. */
export async function picture(page: Page, name: string): Promise<void> {
  const to = process.env['SCREENSHOTS'];
  if (!to) return;
  mkdirSync(to, { recursive: true });
  await page.screenshot({ path: join(to, `${name}.png`), fullPage: true });
}

interface Violation {
  id: string;
  help: string;
  nodes: { target: string[]; failureSummary: string }[];
}

/** What axe finds wrong on a page by WCAG 2.2 A and AA, each in a line; empty when nothing. */
export async function axeFindings(page: Page): Promise<string[]> {
  // The pages' content policy allows no script but their own; the debugger's are not of the page.
  if (!(await page.evaluate<boolean>('"axe" in window'))) await page.evaluate(axe.source);
  const violations = await page.evaluate<Violation[]>(
    `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then((r) => r.violations)`,
  );
  return violations.flatMap((v) =>
    v.nodes.map((n) => `${v.id} at ${n.target.join(' ')}: ${v.help}. ${n.failureSummary}`),
  );
}

/** By how many pixels a page is wider than its window. */
export async function overflowOf(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}
