import type { Hono } from 'hono';
import { bridgeError } from '../domain/errors.ts';
import type { Pool } from '../lib/database.ts';
import { readRun } from '../runs/read-runs.ts';
import type { Run } from '../runs/run.ts';
import { signedHeaders, type SignedHeaders } from './identity/identity.ts';
import { mayChange, maySee, requireRoute } from './identity/rights.ts';
import type { Viewer } from './identity/viewer.ts';
import type { Route, RunRoute } from './route.ts';
import { checkRequest, runIdOf } from './routes/request.ts';

export interface Askers {
  runs: Pool;
  /** Whoever is signed in, or has a token of a machine. */
  viewer(headers: SignedHeaders): Promise<Viewer | null>;
  /** Whoever brought a share link to this run; throws why the link has ended. */
  holder(headers: SignedHeaders, runId: string): Promise<{ viewer: Viewer; run: Run } | null>;
}

/** Adds a route with the check that its rule asks for. A run that the viewer may not see is a run that is not there. */
export function addRoute(app: Hono, route: Route, askers: Askers): void {
  app.on(route.method, route.path, async (c) => {
    c.header('cache-control', 'no-store');
    if (route.rule === 'public') {
      await checkRequest(c, route.api);
      return route.handle({ c });
    }
    const headers = signedHeaders(c);
    if (route.rule === 'signed-in' || route.rule === 'admin') {
      const signedIn = async (): Promise<Viewer> => {
        const viewer = await askers.viewer(headers);
        if (!viewer) throw bridgeError('SIGN_IN_NEEDED', {});
        requireRoute(viewer, route);
        return viewer;
      };
      const viewer = await signedIn();
      await checkRequest(c, route.api);
      return route.handle({ c, viewer, again: () => signedIn().catch(() => null) });
    }
    const id = c.req.param('id');
    const found = await viewerOfRun(askers, route, headers, id);
    if (route.rule === 'change-run' && !mayChange(found.viewer, found.run)) throw bridgeError('NOT_ALLOWED', {});
    await checkRequest(c, route.api);
    const again = (): Promise<Viewer | null> =>
      viewerOfRun(askers, route, headers, id).then(
        ({ viewer }) => viewer,
        () => null,
      );
    return route.handle({ c, ...found, again });
  });
}

/** Who asks about a run, by their own rights or else by a share link, and the run. */
async function viewerOfRun(
  askers: Askers,
  route: RunRoute,
  headers: SignedHeaders,
  id: string | undefined,
): Promise<{ viewer: Viewer; run: Run }> {
  const viewer = await askers.viewer(headers);
  if (viewer) {
    requireRoute(viewer, route);
    const run = await readRun(askers.runs, runIdOf(id));
    if (run && maySee(viewer, run)) return { viewer, run };
  }
  if (route.rule === 'see-run' && route.shared && !viewer?.scopes) {
    const holder = await askers.holder(headers, id ?? '');
    if (holder && maySee(holder.viewer, holder.run)) return holder;
  }
  throw viewer ? bridgeError('RUN_NOT_FOUND', { run: runIdOf(id) }) : bridgeError('SIGN_IN_NEEDED', {});
}
