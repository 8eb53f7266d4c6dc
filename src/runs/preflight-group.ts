import type { Logger } from 'pino';
import { bridgeError } from '../domain/errors.ts';
import { checkGroupStorage } from '../storage/check.ts';
import type { ImportJobContext } from './import-job.ts';

export interface GroupPreflight {
  group: string;
  /** The folder that the group's archives go to. */
  path: string;
  source: 'mapping' | 'fallback';
  freeBytes: number | null;
}

/**
 * Whether results of a group could be stored right now, tried as archiving does, before there is a job. OMERO must know
 * the group, and have the user in it when one is given.
 *
 * @throws OMERO_GROUP_UNKNOWN, OMERO_USER_UNKNOWN, OMERO_NOT_IN_GROUP, GROUP_FOLDER_…, GROUP_MAPPING…, STORAGE_…
 */
export async function preflightGroup(
  site: Pick<ImportJobContext, 'config' | 'runs' | 'omero'>,
  { group, user }: { group: string; user: string | null },
  log: Logger,
): Promise<GroupPreflight> {
  const id =
    user === null
      ? (await (await site.omero.admin()).findGroup(group))?.id
      : await site.omero.as(user, group, async (session) => session.context.groupId);
  if (id === undefined) throw bridgeError('OMERO_GROUP_UNKNOWN', { group });
  const { path, source, room } = await checkGroupStorage(site.runs, site.config.storage, { id, name: group }, log);
  return { group, path, source, freeBytes: room.bytes };
}
