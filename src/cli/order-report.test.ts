import { expect, test } from 'vitest';
import type { OrderHistory } from '../orders/read-order-history.ts';
import { orderReport } from './order-report.ts';

const order: OrderHistory = {
  uuid: '0d5f4f0e\u001b[31m\nx',
  group: 'de\u001b[2Jmo\nx',
  user: 'u'.repeat(1_000),
  destination: 'Dataset 1',
  run: null,
  archive: null,
  retryOf: null,
  retriedBy: [],
  holder: null,
  rows: [{ stage: 'Import Pending', at: null, description: null, ours: false }],
  trouble: null,
  people: [],
  files: [{ path: '/data/a.tif', state: 'waiting', filesetId: null, imageIds: [], plateIds: [], error: null }],
};

test('what anybody may have written stays on its line, and harmless', () => {
  const report = orderReport(order, '/logs');
  expect(report.split('\n')).toHaveLength(5);
  expect(report).not.toContain('\u001b');
  expect(report.length).toBeLessThan(600);
  expect(report).toMatch(/Stages +unknown +pending/);
});

test('files wait as long as their order is open', () => {
  const at = new Date(0);
  const failed = { stage: 'Import Failed', at, description: 'OMERO has no group demo.', ours: true };
  expect(orderReport(order, null)).toMatch(/Files +waiting +\/data\/a\.tif/);
  expect(orderReport({ ...order, rows: [...order.rows, failed] }, null)).toMatch(/Files +not imported +\/data\/a\.tif/);
});
