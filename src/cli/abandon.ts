import { userInfo } from 'node:os';
import { abandonRun } from '../runs/abandon.ts';
import { openSite } from './site.ts';
import { theRun } from './status.ts';

/** `abandon RUN --reason …`. */
export async function abandon(run: string, options: { data: string; reason: string; as?: string }): Promise<void> {
  const site = await openSite(options.data);
  try {
    const id = await theRun(site, run);
    await abandonRun(site.runs, id, options.as ?? `${userInfo().username} on the command line`, options.reason);
    process.stdout.write(
      `Run ${id} is given up; a worker ends what is under way. What was archived or imported stays.\n`,
    );
  } finally {
    await site.close();
  }
}
