import type { OmeroSession } from '../../omero/session.ts';
import type { Viewer, ViewerGroup } from './viewer.ts';

/** Every group of a user, and its type. */
export async function groupsOf(session: OmeroSession, userId: number): Promise<ViewerGroup[]> {
  const memberships = await session.groupsOf(userId);
  return Promise.all(
    memberships.map(async ({ id, name, leader }) => {
      const permissions = (await session.findGroup(name))?.permissions ?? '------';
      return { id, name, leader, permissions };
    }),
  );
}

/**
 * Somebody who is not signed in, as the service account sees them: null when OMERO does not know them any more, or lets
 * them in no more. Whoever is active is a member of `user`, and who administers OMERO one of `system`.
 */
export async function personById(session: OmeroSession, userId: number): Promise<Viewer | null> {
  const name = await session.userName(userId);
  if (name === null) return null;
  const groups = await groupsOf(session, userId);
  if (!groups.some((group) => group.name === 'user')) return null;
  return { name, userId, admin: groups.some((group) => group.name === 'system'), groups };
}
