import type { OmeroSession } from '../session.ts';

/** Deletes objects that the session's user owns; those that are gone already do not matter. */
export async function remove(
  session: OmeroSession,
  type: 'Dataset' | 'Fileset',
  ids: readonly number[],
): Promise<void> {
  if (ids.length === 0) return;
  throw new Error(`${session.context.userName} cannot delete ${type} ${ids.join(', ')}: that is not built yet`);
}

/** False as long as `remove` does not delete. */
export const removalIsBuilt: boolean = false;
