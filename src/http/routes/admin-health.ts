import { healthChecks, type HealthParts } from '../health-checks.ts';
import type { Route } from '../route.ts';
import { healthView } from '../schemas/admin.ts';

/** Whether everything is well: for administrators. */
export function adminHealthRoutes(parts: HealthParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/admin/health',
      rule: 'admin',
      api: { summary: 'Whether everything that this product needs is well; nothing is changed.', answer: healthView },
      handle: async ({ c }) => c.json({ at: new Date().toISOString(), checks: await healthChecks(parts) }),
    },
  ];
}
