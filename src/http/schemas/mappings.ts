import { z } from 'zod';
import type { MappingFinding } from '../../archive/check-group-mappings.ts';
import type { FolderList } from '../../storage/list-folders.ts';
import type { MappingPreview, MappingsView } from '../routes/admin-mappings.ts';
import { count, omeroId } from './common.ts';

const finding = z
  .object({
    key: z.string().meta({ description: 'group id as text' }),
    groupName: z.string(),
    folder: z.string(),
    level: z.enum(['error', 'warning']),
    kind: z.enum([
      'refused',
      'missing',
      'not-a-folder',
      'outside',
      'shared',
      'nested',
      'same-name',
      'renamed',
      'unknown-group',
    ]),
    reason: z.string(),
    remedy: z.string(),
    other: z.string().nullable().meta({ description: '`key` of the other entry, where two are involved' }),
  })
  .meta({ id: 'MappingFinding' }) satisfies z.ZodType<MappingFinding>;

export const mappingsView = z.object({
  baseDir: z.string(),
  revision: z.string().meta({ description: 'given back when a mapping is saved' }),
  mappings: z.array(z.object({ groupId: omeroId, groupName: z.string(), folder: z.string(), file: z.string() })),
  groups: z
    .array(z.object({ id: omeroId, name: z.string() }))
    .nullable()
    .meta({ description: 'groups of OMERO; null when it cannot be asked' }),
  groupsUnknown: z.string().nullable().meta({ description: 'why it cannot be asked' }),
  findings: z.array(finding),
}) satisfies z.ZodType<MappingsView>;

export const foldersQuery = z.object({
  path: z.string().max(1_024).optional().meta({ description: 'relative to the storage' }),
});
export const folderList = z.object({
  path: z.string(),
  folders: z.array(z.string()),
  more: z.boolean(),
}) satisfies z.ZodType<FolderList>;

export const mappingChangeBody = z.object({
  groupId: z.int().min(0),
  groupName: z.string().max(255),
  folder: z
    .string()
    .max(1_024)
    .nullable()
    .meta({ description: 'relative to the storage; null takes the mapping away' }),
});
export const mappingSaveBody = mappingChangeBody.extend({
  revision: z.string().max(200),
  allowShared: z.boolean().default(false).meta({ description: 'another group has the folder already, on purpose' }),
});
export const mappingPreview = z.object({
  path: z.string().nullable().meta({ description: 'where archives would go; null when the folder is refused' }),
  findings: z.array(finding),
  notWritable: z.object({ message: z.string(), remedy: z.string() }).nullable(),
  archivesElsewhere: count.meta({ description: 'archives of the group that stay where they are' }),
}) satisfies z.ZodType<MappingPreview>;
export const mappingSaved = z.object({ revision: z.string(), notes: z.array(z.string()) });
