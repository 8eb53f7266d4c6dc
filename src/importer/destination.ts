import { bridgeError } from '../domain/errors.ts';
import type { OmeroSession } from '../omero/session.ts';
import type { ImportOrder } from './parse-order.ts';

/**
 * Checks, as the order's user, that the destination stands in the order's group and takes this user's images.
 *
 * @throws DESTINATION_GONE, DESTINATION_NOT_WRITABLE
 */
export async function checkDestination(
  session: OmeroSession,
  order: Omit<ImportOrder, 'uuid' | 'files' | 'preprocessingId'>,
): Promise<void> {
  const { destination, group, user } = order;
  const { context } = session;
  const container = await session.findContainer(destination.type, destination.id);
  if (!container || container.groupId !== context.groupId)
    throw bridgeError('DESTINATION_GONE', { ...destination, group, user });
  if (container.ownerId === context.userId || context.isAdmin) return;
  if (context.leaderOfGroups.includes(context.groupId)) return;
  const permissions = (await session.findGroup(group))?.permissions;
  if (permissions !== undefined && !permissions.startsWith('rwrw'))
    throw bridgeError('DESTINATION_NOT_WRITABLE', { ...destination, group, user });
}
