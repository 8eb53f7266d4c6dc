import type { RunView } from '../runs/view.ts';
import { mayChange } from './identity/rights.ts';
import type { Viewer } from './identity/viewer.ts';

/** A run as one viewer gets it. */
export interface SeenRun extends RunView {
  mayChange: boolean;
  /** Whose share link it is seen through, and how long; null for those who are signed in. */
  shared: { by: string; until: string } | null;
}

export function seenBy(viewer: Viewer, view: RunView): SeenRun {
  const { share } = viewer;
  return {
    ...view,
    mayChange: mayChange(viewer, view.owner),
    shared: share ? { by: share.by, until: share.until.toISOString() } : null,
  };
}
