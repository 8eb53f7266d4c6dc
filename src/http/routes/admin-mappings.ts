import { join } from 'node:path';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { checkGroupMappings, type MappingFinding } from '../../archive/check-group-mappings.ts';
import { refuseFolder, trimSlash } from '../../archive/group-folder.ts';
import { changeMappings, readGroupMappings, mappingsRevision } from '../../archive/group-mappings.ts';
import { archivesFolder } from '../../archive/layout.ts';
import { saveGroupMappings } from '../../archive/save-group-mappings.ts';
import type { StorageConfig } from '../../config/config.ts';
import { BridgeError, describeError, printable } from '../../domain/errors.ts';
import type { Pool } from '../../lib/database.ts';
import { countArchivesElsewhere } from '../../runs/archives-elsewhere.ts';
import { insertAudit } from '../../runs/write-run.ts';
import { checkGroupStorage } from '../../storage/check.ts';
import { listFolders } from '../../storage/list-folders.ts';
import type { Route } from '../route.ts';
import {
  foldersQuery,
  folderList,
  mappingChangeBody,
  mappingPreview,
  mappingSaveBody,
  mappingSaved,
  mappingsView,
} from '../schemas/mappings.ts';
import { bodyOf, textOf } from './request.ts';

export interface MappingsParts {
  runs: Pool;
  storage: StorageConfig;
  /** The groups that OMERO has. */
  omeroGroups(): Promise<{ id: number; name: string }[]>;
  log: Logger;
}

/** A mapping as it stands in the files. */
export interface MappingView {
  groupId: number;
  groupName: string;
  folder: string;
  file: string;
}

export interface MappingsView {
  baseDir: string;
  revision: string;
  mappings: MappingView[];
  /** Groups of OMERO; null when it cannot be asked, and then why. */
  groups: { id: number; name: string }[] | null;
  groupsUnknown: string | null;
  findings: MappingFinding[];
}

/** What a mapping would mean, before it is saved. */
export interface MappingPreview {
  /** Where archives would go; null when the folder is refused. */
  path: string | null;
  findings: MappingFinding[];
  /** Why this server cannot write there; null when it can. */
  notWritable: { message: string; remedy: string } | null;
  /** Archives of the group that stay where they are. */
  archivesElsewhere: number;
}

/** Which folder of the storage belongs to which group: read, tried, saved. For administrators. */
export function adminMappingRoutes(parts: MappingsParts): Route[] {
  const { runs, storage } = parts;
  return [
    {
      method: 'GET',
      path: '/api/admin/mappings',
      rule: 'admin',
      api: { summary: 'The group mappings, with what is doubtful about them.', answer: mappingsView },
      handle: async ({ c }) => c.json(await readView(parts)),
    },
    {
      method: 'GET',
      path: '/api/admin/folders',
      rule: 'admin',
      api: { summary: 'Folders below one of the storage.', query: foldersQuery, answer: folderList },
      handle: async ({ c }) => c.json(await listFolders(storage.baseDir, textOf(c, 'path', 1_024) ?? '')),
    },
    {
      // Not GET: whether a folder can be written is found by writing.
      method: 'POST',
      path: '/api/admin/mappings/check',
      rule: 'admin',
      api: {
        summary: 'What a mapping would mean, before it is saved.',
        body: mappingChangeBody,
        answer: mappingPreview,
      },
      handle: async ({ c }) => c.json(await previewOf(await bodyOf(c, mappingChangeBody), parts)),
    },
    {
      method: 'POST',
      path: '/api/admin/mappings',
      rule: 'admin',
      api: {
        summary: 'Saves or takes away one mapping, unless another was saved meanwhile.',
        body: mappingSaveBody,
        answer: mappingSaved,
      },
      handle: async ({ c, viewer }) => {
        const { revision, allowShared, ...change } = await bodyOf(c, mappingSaveBody);
        const before = (await readGroupMappings(storage.mappingFiles)).get(String(change.groupId));
        const saved = await saveGroupMappings(storage, [change], { revision, allowShared, db: runs });
        const was = before === undefined ? 'not mapped' : before.folder;
        await insertAudit(runs, {
          who: viewer.name,
          action: 'mapping',
          runId: null,
          reason: printable(
            `Group ${change.groupName} (${change.groupId}): ${was}, now ${change.folder ?? 'not mapped'}`,
          ).slice(0, 1_000),
        });
        return c.json({ revision: saved.revision, notes: saved.notes });
      },
    },
  ];
}

async function readView({ storage, omeroGroups }: MappingsParts): Promise<MappingsView> {
  // Before the mappings: when they change in between, saving is refused instead of overwriting.
  const revision = await mappingsRevision(storage.mappingFiles);
  const mappings = await readGroupMappings(storage.mappingFiles);
  const known = await omeroGroups().then(
    (groups) => ({ groups, groupsUnknown: null }),
    (error: unknown) => ({ groups: null, groupsUnknown: describeError(error) }),
  );
  const findings = await checkGroupMappings(storage, mappings, known.groups ? { groups: known.groups } : {});
  return {
    baseDir: storage.baseDir,
    revision,
    mappings: [...mappings.values()].map(({ key, groupName, folder, file }) => ({
      groupId: Number(key),
      groupName,
      folder,
      file,
    })),
    ...known,
    findings,
  };
}

async function previewOf(change: z.infer<typeof mappingChangeBody>, parts: MappingsParts): Promise<MappingPreview> {
  const { runs, storage, log } = parts;
  const wanted = changeMappings(await readGroupMappings(storage.mappingFiles), [change]);
  const key = String(change.groupId);
  const findings = (await checkGroupMappings(storage, wanted)).filter((f) => f.key === key || f.other === key);
  const folder = change.folder === null ? change.groupName : trimSlash(change.folder);
  if (refuseFolder(folder) !== null) return { path: null, findings, notWritable: null, archivesElsewhere: 0 };
  const chosen = join(storage.baseDir, folder);
  const group = { id: change.groupId, name: change.groupName };
  const usable = change.folder !== null && !findings.some((f) => f.key === key && f.level === 'error');
  const notWritable = usable
    ? await checkGroupStorage(runs, storage, group, log, chosen).then(
        () => null,
        (error: unknown) => ({
          message: describeError(error),
          remedy: error instanceof BridgeError ? error.remedy : '',
        }),
      )
    : null;
  const archivesElsewhere = await countArchivesElsewhere(runs, change.groupId, chosen);
  return { path: join(chosen, archivesFolder), findings, notWritable, archivesElsewhere };
}
