import { join } from 'node:path';
import type { Context } from 'hono';
import type { Logger } from 'pino';
import { z } from 'zod';
import { checkGroupMappings, type MappingFinding } from '../../archive/check-group-mappings.ts';
import { refuseFolder, trimSlash } from '../../archive/group-folder.ts';
import { changeMappings, readGroupMappings, mappingsRevision } from '../../archive/group-mappings.ts';
import { archivesFolder } from '../../archive/layout.ts';
import { saveGroupMappings } from '../../archive/save-group-mappings.ts';
import type { StorageConfig } from '../../config/config.ts';
import { BridgeError, bridgeError, describeError, printable } from '../../domain/errors.ts';
import type { Pool } from '../../lib/database.ts';
import { countArchivesElsewhere } from '../../runs/archives-elsewhere.ts';
import { insertAudit } from '../../runs/write-run.ts';
import { checkGroupStorage } from '../../storage/check.ts';
import { listFolders } from '../../storage/list-folders.ts';
import type { Route } from '../route.ts';
import { textOf } from './request.ts';

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

const changeSchema = z.object({
  groupId: z.int().min(0),
  groupName: z.string().max(255),
  /** Relative to the storage; null takes the mapping away. */
  folder: z.string().max(1_024).nullable(),
});
const saveSchema = changeSchema.extend({ revision: z.string().max(200), allowShared: z.boolean().default(false) });

/** Which folder of the storage belongs to which group: read, tried, saved. For administrators. */
export function adminMappingRoutes(parts: MappingsParts): Route[] {
  const { runs, storage } = parts;
  return [
    {
      method: 'GET',
      path: '/api/admin/mappings',
      rule: 'admin',
      handle: async ({ c }) => c.json(await readView(parts)),
    },
    {
      method: 'GET',
      path: '/api/admin/folders',
      rule: 'admin',
      handle: async ({ c }) => c.json(await listFolders(storage.baseDir, textOf(c, 'path', 1_024) ?? '')),
    },
    {
      // Not GET: whether a folder can be written is found by writing.
      method: 'POST',
      path: '/api/admin/mappings/check',
      rule: 'admin',
      handle: async ({ c }) => c.json(await previewOf(await bodyOf(c, changeSchema), parts)),
    },
    {
      method: 'POST',
      path: '/api/admin/mappings',
      rule: 'admin',
      handle: async ({ c, viewer }) => {
        const { revision, allowShared, ...change } = await bodyOf(c, saveSchema);
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

async function previewOf(change: z.infer<typeof changeSchema>, parts: MappingsParts): Promise<MappingPreview> {
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

async function bodyOf<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
  const body = schema.safeParse(await c.req.json().catch(() => null));
  if (body.success) return body.data;
  const [issue] = body.error.issues;
  const where = issue?.path.join('.') ?? '';
  throw bridgeError('REQUEST_INVALID', {
    reason: `${where || 'the body'}: ${issue?.message ?? 'it is not as expected'}`,
  });
}
