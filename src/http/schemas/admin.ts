import { z } from 'zod';
import type { ImportLog } from '../../orders/import-log.ts';
import type { AuditEntry } from '../../runs/read-audit.ts';
import { count, digits, omeroId, time, uuid, who } from './common.ts';

const holder = z.object({ host: z.string(), pid: z.int() }).nullable().meta({ description: 'who imports it now' });

const importer = z
  .object({
    host: z.string(),
    pid: z.int().nullable(),
    state: z.enum(['alive', 'silent', 'stopped']),
    lastBeatAt: time,
    active: count,
    maxWorkers: count.nullable(),
    orders: z.array(z.string()),
    stopped: z.string().nullable(),
  })
  .meta({ id: 'Importer' });

const groupQueue = z
  .object({
    group: z.string(),
    pending: count,
    importing: count,
    oldestPendingAt: time.nullable(),
    completed: count.meta({ description: 'within 24 hours' }),
    failed: count.meta({ description: 'within 24 hours' }),
    waitsFor: z.array(z.string()).meta({ description: 'codes of the registry' }),
  })
  .meta({ id: 'GroupQueue' });

export const queue = z.object({ groups: z.array(groupQueue), importers: z.array(importer) });

export const ordersQuery = z.object({
  show: z.enum(['', 'open', 'failed', 'all']).optional(),
  group: z.string().max(200).optional(),
  limit: digits(4).optional(),
});
export const orderList = z.object({
  orders: z.array(
    z.object({
      uuid: z.string(),
      group: z.string(),
      user: z.string(),
      destination: z.string(),
      stage: z.string(),
      description: z.string().nullable(),
      placedAt: time.nullable(),
      at: time.nullable(),
      files: count.nullable(),
      holder,
      waitsFor: z.string().nullable(),
    }),
  ),
  more: z.boolean(),
});

export const orderHistory = z
  .object({
    uuid: z.string(),
    group: z.string(),
    user: z.string(),
    destination: z.string(),
    run: uuid.nullable(),
    archive: z.string().nullable(),
    retryOf: z.string().nullable(),
    retriedBy: z.array(z.string()),
    holder,
    rows: z.array(
      z.object({ stage: z.string(), at: time.nullable(), description: z.string().nullable(), ours: z.boolean() }),
    ),
    trouble: z.object({ code: z.string().nullable(), reason: z.string(), failures: count, nextAt: time }).nullable(),
    people: z.array(z.object({ at: time, who: z.string(), action: z.string(), reason: z.string().nullable() })),
    files: z.array(
      z.object({
        path: z.string(),
        state: z.enum(['waiting', 'imported', 'already-there', 'failed']),
        filesetId: omeroId.nullable(),
        imageIds: z.array(omeroId),
        plateIds: z.array(omeroId),
        error: z.string().nullable(),
      }),
    ),
    filesTotal: count,
  })
  .meta({ id: 'OrderHistory' });

export const importLog = z
  .object({
    path: z.string().meta({ description: 'on the machine of the importer' }),
    size: count,
    skipped: count.meta({ description: 'bytes before the end that is given' }),
    text: z.string(),
  })
  .meta({ id: 'ImportLog' }) satisfies z.ZodType<ImportLog>;

export const orderCancelled = z.object({ cancelled: z.boolean() });
export const orderRetried = z.object({ order: z.string().nullable(), run: uuid.nullable() });

export const auditQuery = z.object({ text: z.string().max(200).optional(), before: z.string().max(200).optional() });
export const auditPage = z.object({
  entries: z.array(
    z.object({
      at: time,
      who: z.string(),
      action: z.string(),
      run: z.string().nullable(),
      order: z.string().nullable(),
      reason: z.string().nullable(),
    }) satisfies z.ZodType<Omit<AuditEntry, 'at'> & { at: string }>,
  ),
  next: z.string().nullable().meta({ description: '`before` of the next page' }),
});

const room = z.object({ bytes: count.nullable(), names: count.nullable() });
const storedGroup = z.object({ id: omeroId.nullable(), name: z.string() });
export const storageView = z.object({
  baseDir: z.string(),
  uid: z.int(),
  gid: z.int(),
  mounts: z.array(
    z.object({
      path: z.string(),
      state: z.enum(['known', 'unmarked', 'changed', 'missing']),
      marker: z.string().nullable(),
      found: z.string().nullable(),
      reason: z.string().nullable(),
      seenAt: time.nullable(),
      room: room.nullable(),
    }),
  ),
  groups: z.array(storedGroup),
});
export const storageCheckBody = z.object({
  group: z.string().max(200).optional().meta({ description: 'name of one group; all unless given' }),
});
export const storageChecks = z.object({
  checks: z.array(
    z.object({
      ...storedGroup.shape,
      outcome: z.enum(['passed', 'failed']),
      path: z.string().nullable(),
      source: z.enum(['mapping', 'fallback']).nullable(),
      freeBytes: count.nullable(),
      freeNames: count.nullable(),
      error: z
        .object({ code: z.string().nullable(), message: z.string(), remedy: z.string(), who: who.nullable() })
        .nullable(),
    }),
  ),
});

export const healthView = z.object({
  at: time,
  checks: z.array(
    z
      .object({
        id: z.string(),
        title: z.string(),
        outcome: z.enum(['passed', 'warning', 'failed', 'skipped']),
        detail: z.string(),
        remedy: z.string().nullable(),
        who: z.enum(['researcher', 'admin', 'it', 'developer']).nullable(),
        code: z.string().nullable(),
        ms: count,
      })
      .meta({ id: 'Check' }),
  ),
});
