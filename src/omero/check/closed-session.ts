import { setTimeout as sleep } from 'node:timers/promises';
import { describeExit } from '../agent/exit-code.ts';
import { made, type Check, type CheckSite } from './check.ts';
import { forgetFilesets, importInto, writeTinyImage } from './tiny-image.ts';

const files = 12;
const endsWithinMs = 120_000;

/**
 * An importer that takes over from one that died ends its session first. What that does to an import under way is the
 * server's affair, and worth knowing.
 */
export const checkClosedSession: Check = {
  id: 'closed-session',
  title: 'End a running import',
  needs: ['import'],
  async run(site) {
    const admin = made(site, 'admin');
    const { userName, groupName } = made(site, 'session').context;
    const session = await admin.sudo(userName, groupName);
    site.cleanup.add('the session of the second import', () => session.close());
    const paths: string[] = [];
    for (let i = 0; i < files; i++) paths.push(await writeTinyImage(site, 'closed', `${i}.ome.tif`));
    forgetFilesets(site, paths);

    const closing: Promise<string>[] = [];
    const tooLong = AbortSignal.timeout(endsWithinMs);
    const outcome = await importInto(site, session, paths, {
      signal: AbortSignal.any([site.signal, tooLong]),
      onProgress: () => {
        if (closing.length) return;
        const closed = admin.closeSession(session.context.sessionId);
        // Awaited below, when the process has ended.
        closed.catch(() => undefined);
        closing.push(closed);
      },
    });
    site.signal.throwIfAborted();
    const [closed] = await Promise.all(closing);
    if (closed === undefined)
      return { outcome: 'failed', detail: 'The second import imported nothing.', remedy: 'Look at "Import in place".' };
    const unfinished = await settled(site, paths);
    const done = (await made(site, 'session').filesetsByClientPath(paths)).filter((f) => f.imageIds.length > 0).length;
    const ended = tooLong.aborted
      ? `the importer went on for ${endsWithinMs / 1000} s and was killed`
      : `the importer ended with ${outcome.killed ?? describeExit(outcome.exitCode)}`;
    const told = `After its session was closed, ${ended}; ${done} of ${files} images were imported`;
    const left =
      unfinished === 0
        ? 'no import is left under way in the server'
        : `${unfinished} that it broke off stay marked as unfinished in the server`;
    if (done < files && !tooLong.aborted) return { outcome: 'passed', detail: `${told}; ${left}.` };
    return {
      outcome: 'warning',
      detail: `${told}; ${left}. Here an import goes on although its session is closed.`,
      remedy:
        'Nothing needs doing: an importer that takes over waits for unfinished imports, and looks at what is there before it imports.',
    };
  },
};

/** Waits until no import of these files is under way in the server; how many are after the waiting time. */
async function settled(site: CheckSite, paths: readonly string[]): Promise<number> {
  const session = made(site, 'session');
  const deadline = performance.now() + site.settleMs;
  for (;;) {
    const empty = (await session.filesetsByClientPath(paths)).filter((f) => f.imageIds.length === 0);
    const open = await session.unfinishedImportJobs(empty.map((f) => f.filesetId));
    if (open.length === 0 || performance.now() > deadline) return open.length;
    await sleep(500, undefined, { signal: site.signal });
  }
}
