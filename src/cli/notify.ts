import { printable } from '../domain/errors.ts';
import { sendTest } from '../notify/notifier.ts';
import { listNotifications } from '../notify/outbox.ts';
import { formatTable } from './format.ts';
import { loadSiteConfig, openSite } from './site.ts';

/** `notify test`: sends a test by every way that is configured; exit code 1 when one fails. */
export async function notifyTest(options: { data: string }): Promise<void> {
  const config = await loadSiteConfig(options.data);
  for (const { way, problem } of await sendTest(config.notify ?? { mail: null, webhook: null })) {
    process.stdout.write(`${way}: ${problem === null ? 'sent' : printable(problem)}\n`);
    if (problem !== null) process.exitCode = 1;
  }
}

/** `notify list`: the newest notifications, sent or not. */
export async function notifyList(options: { json?: boolean; data: string }): Promise<void> {
  const site = await openSite(options.data);
  try {
    const rows = await listNotifications(site.runs, 50);
    if (options.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    else if (!rows.length) process.stdout.write('Nobody was told of anything yet.\n');
    else
      process.stdout.write(
        `${formatTable([
          ['MADE', 'RUN', 'STATE', 'WAY', 'SENT', ''],
          ...rows.map((n) => [
            n.madeAt.toISOString().slice(0, 16),
            n.run.slice(0, 8),
            n.state,
            n.way,
            n.sentAt?.toISOString().slice(0, 16) ?? (n.givenUpAt ? 'given up' : 'not yet'),
            printable(n.problem ?? ''),
          ]),
        ])}\n`,
      );
  } finally {
    await site.close();
  }
}
