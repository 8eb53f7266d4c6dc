import type { Browser, Page } from 'playwright-core';
import { addressOf, axeFindings, overflowOf, picture, signInAsResearcher, startBrowser } from './browser.ts';
import { QuickStartFolder, type Started } from './quick-start.ts';

/** A quick start of its own, and a browser that looks at it. `close` ends both, however far `open` came. */
export class BrowsedStart {
  readonly folder: QuickStartFolder;
  /** What scripts of its pages have thrown. */
  readonly errors: string[] = [];
  started!: Started;
  browser!: Browser;
  page!: Page;
  address = '';
  #token = '';

  constructor(environment: Record<string, string> = {}) {
    this.folder = new QuickStartFolder({ environment });
  }

  /** Starts both, and waits until the sample run has ended; the id of that run. */
  async open(seed: number): Promise<string> {
    this.browser = await startBrowser();
    this.page = await this.newPage();
    this.started = this.folder.start('--seed', String(seed));
    ({ address: this.address, token: this.#token } = await addressOf(this.folder, this.started));
    const [, run = ''] = await this.folder.until(this.started, async () =>
      /Page +\S+\/runs\/(\S{36})/.exec(this.started.output()),
    );
    return run;
  }

  /** A page of a person who has never been here. */
  async newPage(): Promise<Page> {
    const page = await (await this.browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
    page.on('pageerror', (error) => this.errors.push(String(error)));
    return page;
  }

  /** Signs in with the account that every quick start has, or with its token. */
  async signIn(as: 'researcher' | 'token', page = this.page): Promise<void> {
    if (as === 'token') await page.goto(`${this.address}/?token=${this.#token}`);
    else await signInAsResearcher(page, this.address, this.folder);
  }

  async close(): Promise<void> {
    await this.browser?.close();
    await this.folder.remove();
  }
}

/** Windows that a page has to do with: wide, a telephone, and 200 % zoom of one of 1280 px. */
const windows = [1440, 390, 640] as const;

/**
 * What is wrong with a page in both themes and in windows of every width, each in a line: axe's findings, and what
 * overflows. Keeps pictures of it.
 */
export async function faultsOfLooks(page: Page, name: string): Promise<string[]> {
  const faults: string[] = [];
  for (const theme of ['light', 'dark'] as const)
    for (const width of windows) {
      const where = `${name}, ${theme}, ${width} px: `;
      // Without motion: a colour on its way to another has a contrast of its own.
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: 844 });
      faults.push(...(await axeFindings(page)).map((found) => where + found));
      const wider = await overflowOf(page);
      if (wider > 0) faults.push(`${where}${wider} px wider than the window`);
      if (width !== 640) await picture(page, `${name}-${theme}-${width}`);
    }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'no-preference' });
  await page.setViewportSize({ width: 1440, height: 900 });
  return faults;
}
