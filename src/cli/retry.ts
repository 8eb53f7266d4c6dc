import { userInfo } from 'node:os';
import { retryRun } from '../runs/retry.ts';
import { openSite } from './site.ts';
import { theRun } from './status.ts';

/** `retry RUN`. */
export async function retry(run: string, options: { data: string }): Promise<void> {
  const site = await openSite(options.data);
  try {
    const id = await theRun(site, run);
    await retryRun({ runs: site.runs, orders: site.orders }, id, `${userInfo().username} on the command line`);
    process.stdout.write(`Run ${id} goes on from the step that failed.\n`);
  } finally {
    await site.close();
  }
}
