import type { NotifyConfig } from '../../config/config.ts';
import type { Pool } from '../../lib/database.ts';
import { sendTest, waysOf } from '../../notify/notifier.ts';
import { listNotifications } from '../../notify/outbox.ts';
import { insertAudit } from '../../runs/write-run.ts';
import type { Route } from '../route.ts';
import { notificationList, notificationTest } from '../schemas/notifications.ts';

/** What people were told, and a test of it: for administrators. */
export function adminNotificationRoutes(parts: { runs: Pool; config: () => NotifyConfig }): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/admin/notifications',
      rule: 'admin',
      api: { summary: 'The newest notifications, sent or not.', answer: notificationList },
      handle: async ({ c }) =>
        c.json({ ways: waysOf(parts.config()), notifications: await listNotifications(parts.runs, 100) }),
    },
    {
      method: 'POST',
      path: '/api/admin/notifications/test',
      rule: 'admin',
      api: { summary: 'Sends a test by every way that is configured.', answer: notificationTest },
      handle: async ({ c, viewer }) => {
        const results = await sendTest(parts.config());
        await insertAudit(parts.runs, { who: viewer.name, action: 'notification test', runId: null, reason: null });
        return c.json({ results });
      },
    },
  ];
}
