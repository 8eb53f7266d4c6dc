import type { Context } from 'hono';
import type { Run } from '../runs/run.ts';
import type { Viewer } from './identity/viewer.ts';

/**
 * Who may use a route:
 *
 * - `public`: everybody; only what signing in needs, and whether the process is well;
 * - `signed-in`: whoever is signed in; the handler shows no more than the viewer may see;
 * - `see-run`, `change-run`: the run in the path decides, see `identity/rights.ts`;
 * - `admin`: administrators of OMERO.
 */
export type Rule = 'public' | 'signed-in' | 'see-run' | 'change-run' | 'admin';

export type Method = 'GET' | 'POST' | 'DELETE';

/** What a handler gets once its route's rule was kept. */
export interface Signed {
  c: Context;
  viewer: Viewer;
}

export interface OnRun extends Signed {
  run: Run;
}

type Answer = Response | Promise<Response>;

/** One address of the API. Every address stands in a table of these, so none can be without a rule. */
export type Route =
  | { method: Method; path: `/api/${string}`; rule: 'public'; handle: (on: { c: Context }) => Answer }
  | { method: Method; path: `/api/${string}`; rule: 'signed-in' | 'admin'; handle: (on: Signed) => Answer }
  | { method: Method; path: `/api/runs/:id${string}`; rule: 'see-run' | 'change-run'; handle: (on: OnRun) => Answer };
