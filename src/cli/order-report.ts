import { join } from 'node:path';
import { printable } from '../domain/errors.ts';
import { importLogName } from '../orders/import-log.ts';
import { isTerminal } from '../orders/read-order.ts';
import type { OrderHistory } from '../orders/read-order-history.ts';
import { formatTable, oneLine } from './format.ts';

/** Files of an order that are shown; `--json` has them all. */
const listed = 50;

/** `pending` of `Import Pending`. */
export function stageWord(stage: string): string {
  return printable(stage.replace(/^Import /, '').toLowerCase());
}

/** What is known about an order, for a person. */
export function orderReport(order: OrderHistory, logDir: string | null): string {
  const rows: string[][] = [
    ['Order', oneLine(order.uuid, 36)],
    ['For', `${oneLine(order.user, 100)} in ${oneLine(order.group, 100)}, into ${oneLine(order.destination, 60)}`],
  ];
  if (order.run) rows.push(['Run', order.run]);
  if (order.archive) rows.push(['Archive', printable(order.archive)]);
  if (order.retryOf) rows.push(['Retry of', printable(order.retryOf)]);
  for (const [i, uuid] of order.retriedBy.entries()) rows.push([i ? '' : 'Retried by', printable(uuid)]);
  for (const [i, row] of order.rows.entries())
    rows.push([
      i ? '' : 'Stages',
      `${timeText(row.at)}  ${oneLine(stageWord(row.stage), 40)}${row.ours || i === 0 ? '' : ', by another importer'}`,
      ...(row.description ? [oneLine(row.description, 2_000)] : []),
    ]);
  if (order.holder) rows.push(['Imported by', `${printable(order.holder.host)}, process ${order.holder.pid}`]);
  if (order.trouble) {
    const { code, reason, failures, nextAt } = order.trouble;
    rows.push(['Waits', `${code ?? 'UNEXPECTED'}: ${printable(reason)}`]);
    if (failures > 0) rows.push(['', `${failures} attempts; the next at ${timeText(nextAt)}`]);
  }
  for (const [i, p] of order.people.entries())
    rows.push([
      i ? '' : 'People',
      `${timeText(p.at)}  ${printable(p.who)}: ${p.action}${p.reason ? `, "${printable(p.reason)}"` : ''}`,
    ]);
  // An order that was refused or cancelled tried none of its files, and none waits any more.
  const closed = order.rows.some((row) => isTerminal(row.stage));
  for (const [i, file] of order.files.slice(0, listed).entries()) {
    const ids = file.imageIds.length
      ? ` Image ${file.imageIds.join(', ')}`
      : file.plateIds.length
        ? ` Plate ${file.plateIds.join(', ')}`
        : '';
    rows.push([
      i ? '' : 'Files',
      `${(closed && file.state === 'waiting' ? 'not imported' : file.state).padEnd(13)} ${printable(file.path)}${ids}${file.error ? `: ${printable(file.error)}` : ''}`,
    ]);
  }
  if (order.files.length > listed) rows.push(['', `and ${order.files.length - listed} more: --json`]);
  if (logDir) rows.push(['Log', oneLine(join(logDir, importLogName(order.uuid)), 4_096)]);
  return formatTable(rows);
}

function timeText(at: Date | null): string {
  if (at === null) return 'unknown'.padEnd(23);
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
