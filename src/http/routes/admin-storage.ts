import type { Logger } from 'pino';
import type { StorageConfig } from '../../config/config.ts';
import { ownGid, ownUid } from '../../archive/storage-error.ts';
import { BridgeError, bridgeError, describeError } from '../../domain/errors.ts';
import type { Pool } from '../../lib/database.ts';
import { checkGroupStorage, readMounts, readStoredGroups, type StoredGroup } from '../../storage/check.ts';
import type { Route } from '../route.ts';
import { bodyOf } from './request.ts';
import { storageCheckBody, storageChecks, storageView } from '../schemas/admin.ts';

/** What became of trying to store something for a group. */
export interface GroupStorageView {
  id: number | null;
  name: string;
  outcome: 'passed' | 'failed';
  path: string | null;
  source: 'mapping' | 'fallback' | null;
  freeBytes: number | null;
  freeNames: number | null;
  error: { code: string | null; message: string; remedy: string; who: string | null } | null;
}

/** The storage: its mounts, and whether the groups' folders can be written. For administrators. */
export function adminStorageRoutes(o: { runs: Pool; storage: StorageConfig; log: Logger }): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/admin/storage',
      rule: 'admin',
      api: { summary: 'The storage and its mounts, and the groups that store on it.', answer: storageView },
      handle: async ({ c }) => {
        const mounts = await readMounts(o.runs, o.storage.baseDir);
        return c.json({
          baseDir: o.storage.baseDir,
          uid: ownUid(),
          gid: ownGid(),
          mounts,
          groups: await readStoredGroups(o.runs, o.storage),
        });
      },
    },
    {
      // Not GET: a small file is written and removed.
      method: 'POST',
      path: '/api/admin/storage/check',
      rule: 'admin',
      api: {
        summary: "Tries in the groups' folders what an archive needs.",
        body: storageCheckBody,
        answer: storageChecks,
      },
      handle: async ({ c }) => {
        const { group } = await bodyOf(c, storageCheckBody);
        const groups = await readStoredGroups(o.runs, o.storage);
        const chosen = group === undefined ? groups : groups.filter((g) => g.name === group);
        if (group !== undefined && chosen.length === 0)
          throw bridgeError('REQUEST_INVALID', { reason: 'no group of that name has a mapping or a run' });
        const checks: GroupStorageView[] = [];
        for (const one of chosen) checks.push(await viewOf(one, o));
        return c.json({ checks });
      },
    },
  ];
}

async function viewOf(
  group: StoredGroup,
  o: { runs: Pool; storage: StorageConfig; log: Logger },
): Promise<GroupStorageView> {
  const none = { path: null, source: null, freeBytes: null, freeNames: null };
  try {
    const { path, source, room } = await checkGroupStorage(o.runs, o.storage, group, o.log);
    return { ...group, outcome: 'passed', path, source, freeBytes: room.bytes, freeNames: room.names, error: null };
  } catch (error) {
    const known = error instanceof BridgeError ? error : null;
    const { code = null, remedy = '', who = null } = known ?? {};
    return { ...group, ...none, outcome: 'failed', error: { code, message: describeError(error), remedy, who } };
  }
}
