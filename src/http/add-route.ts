import type { Context, Hono } from 'hono';
import { bridgeError } from '../domain/errors.ts';
import type { Pool } from '../lib/database.ts';
import { readRun } from '../runs/read-runs.ts';
import { mayChange, maySee, requireRoute } from './identity/rights.ts';
import type { Viewer } from './identity/viewer.ts';
import type { Route } from './route.ts';
import { checkRequest, runIdOf } from './routes/request.ts';

/** Adds a route with the check that its rule asks for. A run that the viewer may not see is a run that is not there. */
export function addRoute(
  app: Hono,
  route: Route,
  parts: { runs: Pool; viewer(c: Context): Promise<Viewer | null> },
): void {
  app.on(route.method, route.path, async (c) => {
    c.header('cache-control', 'no-store');
    if (route.rule === 'public') {
      await checkRequest(c, route.api);
      return route.handle({ c });
    }
    const viewer = await parts.viewer(c);
    if (!viewer) throw bridgeError('SIGN_IN_NEEDED', {});
    requireRoute(viewer, route);
    if (route.rule === 'signed-in' || route.rule === 'admin') {
      await checkRequest(c, route.api);
      return route.handle({ c, viewer });
    }
    const id = runIdOf(c.req.param('id'));
    const run = await readRun(parts.runs, id);
    if (!run || !maySee(viewer, run)) throw bridgeError('RUN_NOT_FOUND', { run: id });
    if (route.rule === 'change-run' && !mayChange(viewer, run)) throw bridgeError('NOT_ALLOWED', {});
    await checkRequest(c, route.api);
    return route.handle({ c, viewer, run });
  });
}
