import { z } from 'zod';
import { count, time, uuid } from './common.ts';

const way = z.enum(['mail', 'webhook']);

export const notificationList = z.object({
  ways: z.array(way).meta({ description: 'what is configured' }),
  notifications: z.array(
    z.object({
      id: uuid,
      run: uuid,
      way,
      state: z.enum(['done', 'failed', 'attention']),
      madeAt: time,
      sentAt: time.nullable(),
      givenUpAt: time.nullable(),
      attempts: count,
      problem: z.string().nullable(),
    }),
  ),
});
export const notificationTest = z.object({
  results: z.array(z.object({ way, problem: z.string().nullable().meta({ description: 'null: it was sent' }) })),
});
