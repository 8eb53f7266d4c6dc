import { z } from 'zod';
import { Health, type HealthParts } from '../health-checks.ts';
import type { Route } from '../route.ts';
import { healthView } from '../schemas/admin.ts';

/** Whether everything is well: for administrators. */
export function adminHealthRoutes(parts: HealthParts): Route[] {
  const health = new Health(parts);
  return [
    {
      method: 'GET',
      path: '/api/admin/health',
      rule: 'admin',
      api: {
        summary:
          'What the doctor finds from where the web role runs, and what waits for somebody; kept for a minute, unless it is asked for again.',
        query: z.object({ again: z.enum(['true', 'false']).optional() }),
        answer: healthView,
      },
      handle: async ({ c }) => c.json(await health.read(c.req.query('again') === 'true')),
    },
  ];
}
