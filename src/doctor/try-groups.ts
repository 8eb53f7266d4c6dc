import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { archivesFolder } from '../archive/layout.ts';
import { ownGid, ownUid } from '../archive/storage-error.ts';
import type { StorageConfig } from '../config/config.ts';
import type { Fixer } from '../domain/errors/define.ts';
import { isBridgeError } from '../domain/errors.ts';
import type { Database } from '../lib/database.ts';
import { checkGroupStorage, readStoredGroups } from '../storage/check.ts';

/** What came of trying the folders of all groups with a mapping or a run. */
export interface TriedGroups {
  readonly uid: number;
  readonly gid: number;
  readonly groups: number;
  /** Those whose folder for archives is not made yet. */
  readonly absent: number;
  readonly wrong: readonly {
    readonly group: string;
    readonly message: string;
    readonly remedy: string;
    readonly who: Fixer;
  }[];
}

/** Tries in the folder of every group what an archive needs, as the user that this process runs as. */
export async function tryGroups(runs: Database, storage: StorageConfig, log: Logger): Promise<TriedGroups> {
  const groups = await readStoredGroups(runs, storage);
  const wrong: TriedGroups['wrong'][number][] = [];
  let absent = 0;
  for (const group of groups)
    try {
      const { path } = await checkGroupStorage(runs, storage, group, log);
      if (!existsSync(join(path, archivesFolder))) absent++;
    } catch (error) {
      if (!isBridgeError(error)) throw error;
      wrong.push({ group: group.name, message: error.message, remedy: error.remedy, who: error.who });
    }
  return { uid: ownUid(), gid: ownGid(), groups: groups.length, absent, wrong };
}
