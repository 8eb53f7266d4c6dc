import { bridgeError } from '../domain/errors.ts';
import { rebuildViews } from '../tracking/views.ts';
import { openSite } from './site.ts';

/** `views rebuild`. */
export async function rebuild(options: { data: string }): Promise<void> {
  const site = await openSite(options.data);
  try {
    if (!site.config.tracking.enabled) throw bridgeError('TRACKING_OFF', {});
    const workflows = await rebuildViews(site.runs, site.config.tracking);
    if (workflows === null) throw bridgeError('VIEWS_LEFT_TO_PYTHON', {});
    process.stdout.write(`The view tables were made anew from the log: ${workflows} workflow runs.\n`);
  } finally {
    await site.close();
  }
}
