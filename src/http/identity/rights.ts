import type { Viewer, ViewerGroup } from './viewer.ts';

/*
 * Who may see and change a run, in one place, as OMERO's group types allow for the images of the run:
 *
 * - a private group (`rw----`): a run is seen by its owner, the group's leaders and administrators;
 * - any other group: by every member;
 * - changed (retried, cancelled, abandoned) by its owner, the group's leaders and administrators.
 *
 * An owner who has left the group sees it no more: in OMERO the images are out of reach for them too.
 */

/** What of a run decides about rights. */
export interface Owned {
  readonly user: { readonly id: number };
  readonly group: { readonly id: number };
}

export function maySee(viewer: Viewer, run: Owned): boolean {
  if (viewer.admin) return true;
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
  if (viewer.admin) return null;
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
