import { copyFileSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { faultsOfLooks } from '../support/browsed-start.ts';
import { addressOf, browserPath, gone, picture, signInAsResearcher, startBrowser } from '../support/browser.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { QuickStartFolder, type Started } from '../support/quick-start.ts';

const jobs = {
  // It runs for as long as the test looks at it, however slow that is.
  slow: `for n in $(seq 1 14); do echo "tick $n of 14"; sleep 1; done
until [ -e "$DATA_PATH/go" ] || [ ! -d "$DATA_PATH" ]; do echo waiting; sleep 1; done
cp "$DATA_PATH"/data/in/* "$DATA_PATH/data/out/"; echo 'all copied'`,
  linking: 'ln -s /etc/passwd "$DATA_PATH/data/out/result.tif"',
  broken: 'cp "$DATA_PATH"/data/in/* "$DATA_PATH/data/out/"; echo no image > "$DATA_PATH/data/out/zz_broken.tif"',
  odd: `echo '<script>document.title=1</script>'; cp "$DATA_PATH"/data/in/nuclei_01* "$DATA_PATH/data/out/"
printf 'a,b\\n1,<b>2</b>\\n' > "$DATA_PATH/data/out/<img src=x onerror=document.title=2>.csv"
echo x > "$DATA_PATH/data/out/"$'\\u202etxt.exe'`,
};

// What goes wrong, as people see it in a browser.
describeWithPart('Chromium', browserPath !== null, 'pages of runs that do not go well', () => {
  const folder = new QuickStartFolder();
  let started: Started;
  let browser: Browser;
  let page: Page;
  let address = '';
  let token = '';
  let biomero: pg.Client;
  const errors: string[] = [];

  beforeAll(async () => {
    folder.addWorkflows(jobs);
    browser = await startBrowser();
    page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    page.on('pageerror', (error) => errors.push(String(error)));
    started = folder.start('--seed', '5');
    ({ address, token } = await addressOf(folder, started));
    await folder.until(started, async () => started.output().includes('Nuclei found'));
    biomero = await folder.connect('biomero');
    await page.goto(`${address}/?token=${token}`);
    await page.getByRole('heading', { name: 'Runs' }).waitFor();
  }, 180_000);

  afterAll(async () => {
    await biomero?.end();
    await browser?.close();
    await folder.remove();
  });

  const begin = (workflow: keyof typeof jobs): string =>
    folder.cli('run', workflow, '--dataset', '1', '--user', 'researcher', '--group', 'demo').trim();

  /** The folder of a run's data on the cluster. */
  const dataOf = (workflow: keyof typeof jobs, id: string): string =>
    join(folder.path, 'cluster', 'home', 'my-scratch', 'data', `${workflow}_${id}`);

  test('a step that failed is explained, and goes on from there once its cause is gone', async () => {
    const id = begin('linking');
    await page.goto(`${address}/runs/${id}`);
    const card = page.getByRole('region', { name: 'The step archive failed' });
    await card.waitFor({ timeout: 90_000 });
    for (const part of ['What happened', 'What is safe', 'Who can fix it', 'What to do'])
      await card.getByText(part, { exact: true }).waitFor();
    await card.getByText(/still on the cluster/).waitFor();
    expect(await faultsOfLooks(page, 'failure')).toEqual([]);
    const data = join(dataOf('linking', id), 'data');
    rmSync(join(data, 'out', 'result.tif'));
    const [image = ''] = readdirSync(join(data, 'in'));
    copyFileSync(join(data, 'in', image), join(data, 'out', image));
    await card.getByRole('button', { name: 'Retry from the step archive' }).click();
    await page.getByText('1 of 1 image is in dataset').waitFor({ timeout: 90_000 });
    await gone(card);
    await page
      .getByRole('row')
      .filter({ hasText: /^Archive ?done/ })
      .filter({ hasText: '2' })
      .waitFor();
  }, 180_000);

  test('of five images one fails: it is named with its reason, asked for again by itself, and the run given up', async () => {
    const id = begin('broken');
    await page.goto(`${address}/runs/${id}`);
    await page.getByRole('heading', { name: /Partly visible in OMERO/ }).waitFor({ timeout: 90_000 });
    await page.getByText('1 of 5 images not imported').waitFor();
    const first = page
      .getByRole('table', { name: /^Files of the results/ })
      .getByRole('row')
      .nth(1);
    await first.getByText('zz_broken.tif').waitFor();
    await first.getByText('Not imported').waitFor();
    // What cannot be drawn says why, in its place among the pictures.
    await page
      .locator('.tile', { hasText: 'zz_broken.tif' })
      .getByText(/There is no preview: it cannot be drawn/)
      .waitFor();
    expect(await faultsOfLooks(page, 'partial')).toEqual([]);
    // By keyboard alone: the button has the focus, Enter presses it.
    await page.getByRole('button', { name: 'Retry the 1 missing image' }).focus();
    await page.keyboard.press('Enter');
    // The new order holds what is missing, and fails for the same reason.
    await expect.poll(() => page.getByText('Upload order', { exact: true }).count(), { timeout: 60_000 }).toBe(2);
    await page.getByRole('button', { name: 'Retry the 1 missing image' }).waitFor({ timeout: 60_000 });
    await page.getByRole('button', { name: 'Give up' }).click();
    const dialog = page.getByRole('dialog', { name: 'Give this run up' });
    expect(await faultsOfLooks(page, 'give-up')).toEqual([]);
    // Escape changes nothing, and the focus is back where it was.
    await page.keyboard.press('Escape');
    await gone(dialog);
    await page.getByRole('button', { name: 'Give up' }).focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await dialog.getByLabel('Reason').focus();
    await page.keyboard.type('cannot be <b>repaired</b>');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByText('Given up by quick start: cannot be <b>repaired</b>').first().waitFor({ timeout: 60_000 });
    await gone(page.getByRole('button', { name: /^(Retry|Give up)/ }));
    const { rows } = await biomero.query('select who, action, reason from bridge.audit where run_id = $1 order by id', [
      id,
    ]);
    expect(rows.filter((r) => r.action !== 'start')).toMatchObject([
      { who: 'quick start', action: 'retry', reason: expect.stringContaining('1 of 5 images') as string },
      { who: 'quick start', action: 'abandon', reason: 'cannot be <b>repaired</b>' },
    ]);
    // It needs nobody any more, and says what it brought.
    await page.goto(address);
    await page.getByRole('button', { name: 'Needs attention 0' }).waitFor();
    const row = page.getByRole('row').filter({ has: page.getByRole('link', { name: /^broken/ }) });
    await row.getByText('Given up', { exact: true }).waitFor();
    await row.getByRole('cell', { name: '4 of 5 images', exact: true }).waitFor();
    await page.getByRole('button', { name: /^Finished/ }).click();
    await page.getByRole('link', { name: /^broken/ }).waitFor();
    await expect.poll(() => new URL(page.url()).search).toBe('?state=done%2Cgiven-up');
    expect(await faultsOfLooks(page, 'runs-finished')).toEqual([]);
  }, 180_000);

  test('the log of a job is followed piece by piece, paused, searched and downloaded', async () => {
    const id = begin('slow');
    const asked: number[] = [];
    page.on('request', (request) => {
      const from = /\/log\?from=(\d+)/.exec(request.url())?.[1];
      if (from !== undefined) asked.push(Number(from));
    });
    await page.goto(`${address}/runs/${id}`);
    const log = page.locator('#log');
    await log.getByText('tick 3 of 14').waitFor({ timeout: 60_000 });
    // Each piece begins where the one before ended.
    await expect.poll(() => asked.at(-1), { timeout: 30_000 }).toBeGreaterThan(0);
    expect(asked.toSorted((a, b) => a - b)).toEqual(asked);
    expect(await faultsOfLooks(page, 'running')).toEqual([]);
    await log.getByRole('region', { name: /^Log of job/ }).focus();
    await page.keyboard.press('f');
    await log.getByText('Paused').waitFor();
    const paused = await log.locator('.log').innerText();
    await page.waitForTimeout(2_500);
    expect(await log.locator('.log').innerText()).toBe(paused);
    await log.getByRole('button', { name: 'Follow' }).click();
    await log.getByText('tick 14 of 14').waitFor({ timeout: 60_000 });
    writeFileSync(join(dataOf('slow', id), 'go'), '');
    await log.getByText('all copied').waitFor({ timeout: 60_000 });
    await log.getByRole('searchbox').fill('tick 1');
    await log.getByText('In 6 lines').waitFor();
    await log.getByRole('searchbox').fill('no such words');
    await log.getByText('Not found').waitFor();
    await log.getByRole('searchbox').fill('');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      log.getByRole('link', { name: 'Download' }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^omero-\d+\.log$/);
    expect(readFileSync(await download.path(), 'utf8').match(/^tick \d+ of 14$/gm)).toHaveLength(14);
    await page.getByText('4 of 4 images are in dataset').waitFor({ timeout: 90_000 });
    page.removeAllListeners('request');
  }, 180_000);

  test('a run that waits for somebody says for what, and goes on by itself', async () => {
    const marker = join(folder.path, 'storage', '.biomero-bridge-storage.json');
    renameSync(marker, `${marker}.away`);
    const id = begin('broken');
    try {
      await page.goto(`${address}/runs/${id}`);
      await page
        .getByText(/storage adopt --replace/)
        .first()
        .waitFor({ timeout: 60_000 });
      expect(await faultsOfLooks(page, 'attention')).toEqual([]);
      await page.goto(address);
      await page
        .getByRole('row')
        .filter({ hasText: 'Waiting' })
        .getByRole('link', { name: /^broken/ })
        .waitFor();
      await page.getByRole('combobox', { name: 'Workflow' }).selectOption('linking');
      await gone(page.getByRole('link', { name: /^broken/ }));
      await page.getByRole('button', { name: 'All 1', exact: true }).waitFor();
      expect(await faultsOfLooks(page, 'runs')).toEqual([]);
    } finally {
      // Whatever went wrong above, the tests below need the storage.
      renameSync(`${marker}.away`, marker);
    }
    await page.goto(`${address}/runs/${id}`);
    await page.getByRole('heading', { name: /Partly visible in OMERO/ }).waitFor({ timeout: 90_000 });
  }, 180_000);

  test('names with markup, another direction and line breaks are text everywhere', async () => {
    const id = begin('odd');
    await page.goto(`${address}/runs/${id}`);
    await page.getByRole('heading', { name: /Archive safe/ }).waitFor({ timeout: 90_000 });
    await biomero.query(
      `update bridge.runs set input_name = $2, revision = revision + 1, updated_at = now() where id = $1`,
      [id, '<h2 id="bad">x</h2>\n\u202eevil'],
    );
    await biomero.query(`select pg_notify('bridge_runs', $1)`, [id]);
    await page.getByRole('heading', { name: /<h2 id="bad">/ }).waitFor();
    await page.getByText('<script>document.title=1</script>').waitFor();
    await page.getByRole('cell', { name: '<b>2</b>' }).waitFor();
    await page
      .getByText(/<img src=x onerror=document.title=2>.csv/)
      .first()
      .waitFor();
    await picture(page, 'odd-names');
    await expect.poll(() => page.title()).toMatch(/^odd on Dataset 1: /);
    expect(await page.locator('#bad, main script, main b b, img[src="x"]').count()).toBe(0);
    // The end: what the next test writes must be the last word on it.
    await page.getByText('1 of 1 image is in dataset').waitFor({ timeout: 60_000 });
    await page.goto(address);
    await page.getByRole('link', { name: /<h2 id="bad">/ }).waitFor();
    expect(await page.locator('#bad').count()).toBe(0);
  }, 120_000);

  test('owner, member and stranger are shown what is theirs, an administrator everything', async () => {
    const { rows } = await biomero.query<{ id: string; user_id: string; group_id: string }>(
      `select id, user_id, group_id from bridge.runs where workflow = 'odd'`,
    );
    const [run] = rows;
    const id = run?.id ?? '';
    const other = await (await browser.newContext()).newPage();
    await signInAsResearcher(other, address, folder);
    const failed = await biomero.query(
      `update bridge.runs set outcome = 'failed', status = 'IMPORT_FAILED', failed_step = 'import', error_code = 'IMPORT_FAILED',
         error_message = 'x', error_remedy = 'y', error_who = 'admin', error_retryable = true, failed_at = now() where id = $1`,
      [id],
    );
    expect(failed.rowCount).toBe(1);
    const retry = other.getByRole('button', { name: /^Retry/ });
    await other.goto(`${address}/runs/${id}`);
    await retry.waitFor();
    await biomero.query('update bridge.runs set user_id = 9999 where id = $1', [id]);
    await other.reload();
    await other.getByText(/a leader of the group or an administrator can retry/).waitFor();
    expect(await retry.count()).toBe(0);
    await biomero.query('update bridge.runs set group_id = 9999 where id = $1', [id]);
    await other.reload();
    await other.getByRole('heading', { name: 'No such run' }).waitFor();
    await page.goto(`${address}/runs/${id}`);
    await page.getByRole('button', { name: /^Retry/ }).waitFor();
    await other.close();
  }, 120_000);

  test('the server stops and starts in mid-run, and the page that was open sees the run to its end', async () => {
    const id = begin('slow');
    await page.goto(`${address}/runs/${id}`);
    await page.evaluate('window.stillThere = true');
    await page.getByText('Job running').first().waitFor({ timeout: 60_000 });
    // A person becomes a leader of the group, which OMERO tells from its next start on.
    const omero = await folder.connect('omero');
    const made = await omero.query(`update omero_standin.objects m set data = m.data || '{"owner": true}'
      from omero_standin.objects p, omero_standin.objects g
      where m.class = 'GroupExperimenterMap' and p.class = 'Experimenter' and g.class = 'ExperimenterGroup'
        and (m.data->>'child')::bigint = p.id and p.data->>'omeName' = 'researcher'
        and (m.data->>'parent')::bigint = g.id and g.data->>'name' = 'demo'`);
    await omero.end();
    expect(made.rowCount).toBe(1);
    started.process.kill('SIGTERM');
    await started.exit;
    await page.getByText(/Connection lost at/).waitFor({ timeout: 60_000 });
    await page.getByText('Not connected', { exact: true }).waitFor();
    expect(await faultsOfLooks(page, 'connection-lost')).toEqual([]);
    started = folder.start('--seed', '5');
    await gone(page.getByText(/Connection lost at/), 90_000);
    writeFileSync(join(dataOf('slow', id), 'go'), '');
    await page.getByText('4 of 4 images are in dataset').waitFor({ timeout: 120_000 });
    expect(await page.evaluate('window.stillThere')).toBe(true);
    expect(errors).toEqual([]);
  }, 300_000);

  test('a leader of the group may retry and give up the run of another', async () => {
    // The server that was started again has another connection for us.
    await biomero.end().catch(() => undefined);
    biomero = await folder.connect('biomero');
    const { rows } = await biomero.query<{ id: string }>(`update bridge.runs set user_id = 9999, user_name = 'somebody',
      group_id = (select group_id from bridge.runs where workflow = 'slow' limit 1) where workflow = 'odd' returning id`);
    const leader = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
    await signInAsResearcher(leader, address, folder);
    await leader.goto(`${address}/runs/${rows[0]?.id}`);
    await leader.getByRole('button', { name: /^Retry/ }).waitFor();
    await leader.getByRole('button', { name: 'Give up' }).waitFor();
    // Pages of administrators are none of a leader's.
    expect(await leader.getByRole('navigation', { name: 'Main' }).getByRole('link').allTextContents()).toEqual([
      'Runs',
    ]);
    await leader.close();
  }, 120_000);
});
