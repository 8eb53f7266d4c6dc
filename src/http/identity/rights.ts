import { bridgeError } from '../../domain/errors.ts';
import type { Method, Route } from '../route.ts';
import type { Scope } from './scopes.ts';
import type { Viewer, ViewerGroup } from './viewer.ts';

/*
 * Who may see and change a run, in one place, as OMERO's group types allow for the images of the run:
 *
 * - a private group (`rw----`): a run is seen by its owner, the group's leaders and administrators;
 * - any other group: by every member;
 * - changed (retried, cancelled, abandoned) by its owner, the group's leaders and administrators.
 *
 * A machine with a token sees every run when it has the scope `read`, and does what the scope of a route allows; with
 * `admin` it is an administrator.
 *
 * An owner who has left the group sees it no more: in OMERO the images are out of reach for them too.
 *
 * The holder of a share link sees the one run that it opens, on the routes that say `shared`, and nothing else. Links are
 * made by those who may change the run, and open it while their maker may see it.
 */

/**
 * The scope that lets a machine use a route; null: the route is for people alone. Unless the route names another, what is
 * only read needs `read`, what administrators do or what changes a run needs `admin`.
 */
export function scopeOf(route: { method: Method; rule: Route['rule']; scope?: Scope | null }): Scope | null {
  if (route.scope !== undefined) return route.scope;
  if (route.rule === 'admin' || route.rule === 'change-run') return 'admin';
  return route.method === 'GET' ? 'read' : null;
}

/**
 * Refuses whoever may not use a route at all, whatever it is asked about.
 *
 * @throws ADMINS_ONLY, SCOPE_MISSING
 */
export function requireRoute(
  viewer: Viewer,
  route: { method: Method; rule: Route['rule']; scope?: Scope | null },
): void {
  if (viewer.scopes) {
    const scope = scopeOf(route);
    if (scope === null) throw bridgeError('PEOPLE_ONLY', {});
    if (!viewer.scopes.includes(scope) && !viewer.scopes.includes('admin'))
      throw bridgeError('SCOPE_MISSING', { scope });
  } else if (route.rule === 'admin' && !viewer.admin) throw bridgeError('ADMINS_ONLY', {});
}

/** What of a run decides about rights. */
export interface Owned {
  readonly user: { readonly id: number };
  readonly group: { readonly id: number };
}

export function maySee(viewer: Viewer, run: Owned & { readonly id: string }): boolean {
  if (viewer.share) return viewer.share.runId === run.id;
  if (viewer.admin || viewer.scopes?.includes('read')) return true;
  const group = membership(viewer, run);
  return group !== null && (isOwner(viewer, run) || group.leader || membersRead(group));
}

export function mayChange(viewer: Viewer, run: Owned): boolean {
  if (viewer.admin) return true;
  const group = membership(viewer, run);
  return group !== null && (isOwner(viewer, run) || group.leader);
}

/** The same rule as `maySee`, in a form that a query can apply to a whole list; null: everything. */
export function visibleRuns(viewer: Viewer): VisibleRuns | null {
  if (viewer.admin || viewer.scopes?.includes('read')) return null;
  return {
    wholeGroups: viewer.groups.filter((g) => g.leader || membersRead(g)).map((g) => g.id),
    ownGroups: viewer.groups.map((g) => g.id),
    userId: viewer.userId ?? -1,
  };
}

/** Runs of `wholeGroups` by anybody, and of `ownGroups` by the user. */
export interface VisibleRuns {
  readonly wholeGroups: readonly number[];
  readonly ownGroups: readonly number[];
  readonly userId: number;
}

function membership(viewer: Viewer, run: Owned): ViewerGroup | null {
  return viewer.groups.find((g) => g.id === run.group.id) ?? null;
}

function isOwner(viewer: Viewer, run: Owned): boolean {
  return viewer.userId !== null && viewer.userId === run.user.id;
}

/** The third letter is the group's right to read. */
function membersRead(group: ViewerGroup): boolean {
  return group.permissions[2] === 'r';
}
