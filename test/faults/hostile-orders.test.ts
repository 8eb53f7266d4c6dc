import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ImporterSite } from '../../src/importer/testing/importer-site.ts';
import { listOrders } from '../../src/orders/list-orders.ts';
import { readOrderHistory } from '../../src/orders/read-order-history.ts';
import { readQueue } from '../../src/orders/queue.ts';
import { readOrderFigures } from '../../src/metrics/figures.ts';
import { orderReport } from '../../src/cli/order-report.ts';

/*
 * Whoever may write to `imports` may write anything into it. Each such order ends in one terminal row with a sentence that
 * says what is wrong, or waits with a notice, and neither stops an importer nor keeps other orders waiting.
 */

let site: ImporterSite;
beforeAll(async () => {
  site = await ImporterSite.open();
});
afterEach(() => site.stop());
afterAll(() => site?.drop());

const json = (value: unknown): string => JSON.stringify(value);
/** Text that no database can make shorter. */
function noise(length: number): string {
  let [text, seed] = ['', 1];
  while (text.length < length) {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    text += seed.toString(36);
  }
  return text.slice(0, length);
}
const longPath = `/${noise(3_900).replace(/(.{200})/g, '$1/')}`;

const hostile: [name: string, change: Record<string, unknown>, reason: RegExp][] = [
  ['an empty uuid', { uuid: '' }, /its uuid/],
  ['a uuid of spaces', { uuid: '   ' }, /its uuid/],
  ['a uuid that climbs', { uuid: '../../../tmp/x' }, /its uuid/],
  ['a uuid with a line feed and escapes', { uuid: 'a\n\u001b[2J\u202e' }, /its uuid/],
  ['a uuid of an option', { uuid: '--config=/etc/passwd' }, /its uuid/],
  ['a uuid of 36 characters of four bytes', { uuid: '𝛼'.repeat(36) }, /its uuid/],
  ['a uuid that asks for tables to be dropped', { uuid: `'; drop table imports; --` }, /its uuid/],
  ['files that are empty text', { files: '' }, /not JSON/],
  ['files cut off', { files: '["/a.tif"' }, /not JSON/],
  ['files of Python', { files: `['/a.tif']` }, /not JSON/],
  ['files that are null', { files: 'null' }, /lists no files/],
  ['files that are a text', { files: '"/a.tif"' }, /lists no files/],
  ['files that are an object', { files: '{"0": "/a.tif", "length": 1}' }, /lists no files/],
  ['files that are numbers', { files: '[1, 2]' }, /no path/],
  ['a number beside a path', { files: '["/a.tif", 1e400]' }, /no path/],
  ['a list in the list', { files: '[["/a.tif"]]' }, /no path/],
  ['an empty path', { files: '[""]' }, /no path/],
  ['lists without end', { files: '['.repeat(200_000) }, /not JSON/],
  ['lists without end that are closed', { files: '['.repeat(200_000) + ']'.repeat(200_000) }, /not JSON|no path/],
  ['10 MB that are no JSON', { files: noise(10_000_000) }, /not JSON/],
  ['10 MB in one path', { files: json([`/${noise(10_000_000)}`]) }, /path/],
  ['a path as long as a system takes', { files: json([longPath]) }, /path/],
  ['such a path beside another', { files: json(['/a.tif', longPath]) }, /path/],
  ['a path with a NUL', { files: '["/a\\u0000.tif"]' }, /NUL/],
  ['half a character', { files: '["/a\\ud800.tif"]' }, /Unicode/],
  ['a path that is an option', { files: '["-rf", "/a.tif"]' }, /not absolute/],
  ['a path that leaves its folder', { files: '["/data/../etc/passwd"]' }, /parts such as/],
  ['devices', { files: '["/dev/zero", "/dev/stdin", "/proc/self/environ"]' }, /0 of 3 files imported/],
  ['a destination that is empty', { destination_id: '' }, /destination id/],
  ['a destination in words', { destination_id: 'NaN' }, /destination id/],
  ['a destination with spaces', { destination_id: ' 1 ' }, /destination id/],
  ['a destination in other digits', { destination_id: '١' }, /destination id/],
  ['a destination beyond a long', { destination_id: '9'.repeat(400) }, /destination id/],
  ['a destination of 10 MB', { destination_id: '9'.repeat(10_000_000) }, /destination id/],
  ['a destination that is an expression', { destination_id: '1 or 1=1' }, /destination id/],
  ['no destination type', { destination_type: '' }, /destination type/],
  ['a destination type of another case', { destination_type: 'DATASET' }, /destination type/],
  ['a destination type of the language', { destination_type: 'constructor' }, /destination type/],
  ['a group that climbs', { group_name: '../annotate' }, /group/],
  ['a group of 1 MB', { group_name: noise(1_000_000) }, /group/],
  ['a group with escapes', { group_name: 'annotate\u001b[2J' }, /group/],
  ['a group of wildcards', { group_name: '%' }, /group/],
  ['a user of wildcards', { user_name: '%' }, /user/],
  ['a user of 150 kB', { user_name: 'u'.repeat(150_000) }, /user/],
  ['a user with escapes', { user_name: 'alice\u001b[2J\n' }, /user/],
  ['a user with a quote', { user_name: `alice' or '1'='1` }, /user/],
  ['no user', { user_name: '' }, /no user/],
  ['preprocessing that nobody can carry out', { preprocessing: `('', '', '', null, 'null')` }, /preprocessing/],
  ['extra parameters that are a list', { preprocessing: `('c', '{Files}', '/data', '/out', '[1, [2]]')` }, /extra/],
  [
    'extra parameters inside each other',
    { preprocessing: `('c', '{Files}', '/data', '/out', '{"a": {"b": 1}}')` },
    /extra/,
  ],
  [
    'a container that is an option',
    { preprocessing: `('--privileged', '{Files}', '/data', '/out', 'null')` },
    /container/,
  ],
  ['file names that are no JSON', { file_names: '[[[' }, /does not exist|0 of 1 files/],
  ['a time that is infinite', { timestamp: 'infinity' }, /0 of 1 files/],
  ['a time before all times', { timestamp: '-infinity' }, /0 of 1 files/],
  ['a time of the far future', { timestamp: '294276-12-31 23:59:59+00' }, /0 of 1 files/],
  ['a time before Christ', { timestamp: '4000-01-01 00:00:00 BC' }, /0 of 1 files/],
  ['no time', { timestamp: null }, /0 of 1 files/],
];

const containers = {
  command: ['/nowhere/podman'],
  network: 'none',
  memory: null,
  seconds: 60,
  images: [],
  scratch: null,
  keepId: false,
};

async function insert(change: Record<string, unknown>): Promise<string> {
  const { timestamp, preprocessing, ...columns } = change;
  if (typeof preprocessing === 'string') {
    const { rows } = await site.database.pool.query<{ id: number }>(
      `insert into imports_preprocessing (container, input_file, output_folder, alt_output_folder, extra_params)
       values ${preprocessing} returning id`,
    );
    columns['preprocessing_id'] = rows[0]?.id;
  }
  const uuid = await site.row(columns);
  if (timestamp !== undefined)
    await site.database.pool.query('update imports set "timestamp" = $2 where uuid = $1', [uuid, timestamp]);
  return uuid;
}

/** What people and monitoring read, whatever stands in the table. */
async function readEverything(uuids: Iterable<string>): Promise<void> {
  const { pool } = site.database;
  for (const open of [true, false])
    await listOrders(pool, { stage: null, open, group: null, limit: 1_000, oldestFirst: open });
  await readQueue(pool);
  expect(Number.isFinite((await readOrderFigures(pool)).oldestPendingSeconds)).toBe(true);
  for (const uuid of uuids) {
    const history = await readOrderHistory(pool, uuid);
    if (!history) throw new Error(`no order ${uuid}`);
    expect(orderReport(history, null)).not.toContain('\u001b');
  }
}

test('orders that hold anything at all end with a sentence each, and nobody waits for them', async () => {
  const dataset = await site.dataset();
  const placed = new Map<string, (typeof hostile)[number]>();
  for (const order of hostile) placed.set(await insert(order[1]), order);
  await readEverything(placed.keys());
  await site.importer({ change: { containers } }).begun();
  for (let i = 0; i < 8; i++) {
    const from = performance.now();
    const good = await site.order([await site.image(`good/${i}.tif`)], dataset);
    await site.until(async () => (await site.stages(good)).includes('Started'));
    // The first one has all the others before it.
    expect(performance.now() - from).toBeLessThan(i === 0 ? 20_000 : 3_000);
    expect((await site.closed(good)).stage).toBe('Import Completed');
  }
  for (const [uuid, [name, , reason]] of placed) {
    const order = await site.closed(uuid).catch(() => null);
    expect([name, order?.stage, order?.description]).toEqual([name, 'Import Failed', expect.stringMatching(reason)]);
    expect(order?.description?.length, name).toBeLessThan(3_000);
    expect(
      (await site.stages(uuid)).filter((s) => s === 'Failed' || s === 'Completed'),
      name,
    ).toHaveLength(1);
  }
  await readEverything(placed.keys());
  const { rows } = await site.database.pool.query('select code, reason, failures from bridge.order_attempts');
  expect(rows).toEqual([]);
}, 120_000);
