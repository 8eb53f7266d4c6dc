import { Hono } from 'hono';
import type { Logger } from 'pino';
import { bridgeError, BridgeError } from '../../domain/errors.ts';
import type { Pool } from '../../lib/database.ts';
import { addRoute } from '../add-route.ts';
import type { Viewer } from '../identity/viewer.ts';
import { problemResponse } from '../problem.ts';
import type { Method, Route } from '../route.ts';
import { checkAnswer } from './check-answer.ts';

const chief: Viewer = { name: 'chief', userId: 0, admin: true, groups: [] };

/** Some routes of the API alone, asked as an administrator named `chief`. */
export function appOf(routes: readonly Route[], runs: Pool, log: Logger): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    await checkAnswer(routes, c.req.method as Method, c.req.path, c.res);
  });
  for (const route of routes) addRoute(app, route, { runs, viewer: async () => chief, holder: async () => null });
  app.notFound((c) => problemResponse(bridgeError('PAGE_NOT_FOUND', { path: c.req.path })));
  app.onError((error) => {
    if (error instanceof BridgeError) return problemResponse(error);
    log.error(error);
    throw error;
  });
  return app;
}
