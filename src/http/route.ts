import type { Context } from 'hono';
import type { z } from 'zod';
import type { Run } from '../runs/run.ts';
import type { Scope } from './identity/scopes.ts';
import type { Viewer } from './identity/viewer.ts';

/**
 * Who may use a route:
 *
 * - `public`: everybody; only what signing in needs, and whether the process is well;
 * - `signed-in`: whoever is signed in; the handler shows no more than the viewer may see;
 * - `see-run`, `change-run`: the run in the path decides, see `identity/rights.ts`;
 * - `admin`: administrators of OMERO.
 *
 * A route with the rule `see-run` is open to holders of share links to the run only where it says `shared`.
 */
export type Rule = 'public' | 'signed-in' | 'see-run' | 'change-run' | 'admin';

export type Method = 'GET' | 'POST' | 'DELETE';

/** What a route takes and answers. Requests are checked against it, and docs/reference/openapi.json is made from it. */
export interface RouteApi {
  /** One sentence: what it does or gives. */
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** JSON of this shape; null: 204 without a body; else the media type of bytes. */
  readonly answer: z.ZodType | null | `${string}/${string}`;
  /** Status of a good answer; 200, or 204 without a body, unless given. */
  readonly status?: 200 | 201 | 202;
}

/** What a handler gets once its route's rule was kept. */
export interface Signed {
  c: Context;
  viewer: Viewer;
  /** Who it is now, for what stays open: null when they may not use it any more. */
  again(): Promise<Viewer | null>;
}

export interface OnRun extends Signed {
  run: Run;
}

interface RuledRoute<R extends Rule, Path extends string, On> {
  readonly method: Method;
  readonly path: Path;
  readonly rule: R;
  readonly api: RouteApi;
  /** What a machine's token needs; null: for people alone. Else as `scopeOf` in `identity/rights.ts` says. */
  readonly scope?: Scope | null;
  handle(on: On): Response | Promise<Response>;
}

type OfRun<R extends Rule> = RuledRoute<R, `/api/runs/:id${string}`, OnRun>;

/** An address about one run, which decides who may use it. */
export type RunRoute =
  | OfRun<'change-run'>
  | (OfRun<'see-run'> & {
      /** Holders of share links to the run get in as well. */
      readonly shared?: true;
    });

/** One address of the API. Every address stands in a table of these, so none can be without a rule. */
export type Route =
  | RuledRoute<'public', `/api/${string}`, { c: Context }>
  | RuledRoute<'signed-in', `/api/${string}`, Signed>
  | RuledRoute<'admin', `/api/${string}`, Signed>
  | RunRoute;
