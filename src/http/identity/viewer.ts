import type { Scope } from './scopes.ts';

/**
 * Who looks at the pages, as OMERO's event context says. Every right follows from this and from the run; see
 * `rights.ts`.
 */
export interface Viewer {
  /** OMERO login name, or what stands for a person. */
  readonly name: string;
  /** OMERO id of the user; null for the quick start's token, which is nobody in OMERO. */
  readonly userId: number | null;
  /** Administrators of OMERO see and may change everything. */
  readonly admin: boolean;
  readonly groups: readonly ViewerGroup[];
  /** Of a machine, which came with a token: what it may do. Absent for people. */
  readonly scopes?: readonly Scope[];
  /** Of the holder of a share link: the one run that it opens. Absent for everybody else. */
  readonly share?: { readonly runId: string; readonly by: string; readonly until: Date };
}

/** A group that the viewer is a member of. */
export interface ViewerGroup {
  readonly id: number;
  readonly name: string;
  readonly leader: boolean;
  /** OMERO's six letters, such as `rwr---`. */
  readonly permissions: string;
}

/** Whoever holds the token that `start` printed: it is their machine. */
export const quickStartViewer: Viewer = { name: 'quick start', userId: null, admin: true, groups: [] };
