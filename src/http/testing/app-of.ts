import { Hono } from 'hono';
import type { Logger } from 'pino';
import { BridgeError } from '../../domain/errors.ts';
import type { Pool } from '../../lib/database.ts';
import { addRoute } from '../add-route.ts';
import type { Viewer } from '../identity/viewer.ts';
import { problemResponse } from '../problem.ts';
import type { Route } from '../route.ts';

const chief: Viewer = { name: 'chief', userId: 0, admin: true, groups: [] };

/** Some routes of the API alone, asked as an administrator named `chief`. */
export function appOf(routes: readonly Route[], runs: Pool, log: Logger): Hono {
  const app = new Hono();
  for (const route of routes) addRoute(app, route, { runs, viewer: async () => chief });
  app.onError((error) => {
    if (error instanceof BridgeError) return problemResponse(error);
    log.error(error);
    throw error;
  });
  return app;
}
