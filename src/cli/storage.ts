import { readGroupMappings } from '../archive/group-mappings.ts';
import { ownGid, ownUid } from '../archive/storage-error.ts';
import { BridgeError, describeError, printable } from '../domain/errors.ts';
import { createLogger } from '../lib/logger.ts';
import type { CheckResult } from '../omero/check/check.ts';
import { adoptStorage } from '../storage/adopt.ts';
import { checkGroupStorage } from '../storage/check.ts';
import { requireSameMount } from '../storage/known-storages.ts';
import { CheckPrinter, countsLine } from './check-printer.ts';
import { formatBytes } from './format.ts';
import { openSite, type Site } from './site.ts';

/** `storage adopt [PATH]`. */
export async function storageAdopt(
  path: string | undefined,
  options: { replace?: boolean; data: string },
): Promise<void> {
  const site = await openSite(options.data);
  try {
    const { replace = false } = options;
    const adopted = await adoptStorage(site.runs, path ?? site.config.storage.baseDir, { replace });
    const how = adopted.fresh ? 'a new marker was written' : 'it bears a marker already';
    process.stdout.write(`${printable(adopted.path)} is known from now on: ${how}, ${adopted.marker}.\n`);
  } finally {
    await site.close();
  }
}

/** `storage check`: exit code 0 when nothing failed, 1 when something did. */
export async function storageCheck(options: { group: string[]; json?: boolean; data: string }): Promise<void> {
  const site = await openSite(options.data);
  try {
    const printer = options.json ? null : new CheckPrinter(process.stdout);
    const { baseDir, mappingFiles } = site.config.storage;
    printer?.say(`Storage ${printable(baseDir)}, written as uid:gid ${ownUid()}:${ownGid()}\n`);
    const results: CheckResult[] = [];
    const add = async (title: string, look: () => Promise<Pick<CheckResult, 'outcome' | 'detail' | 'remedy'>>) => {
      printer?.begin(title);
      const result = await resultOf(title, look);
      results.push(result);
      printer?.end(result);
    };
    await add('mount', () => mountResult(site, baseDir));
    const mapped = new Map<string, string | null>();
    await add('group mappings', async () => {
      for (const { key, groupName } of (await readGroupMappings(mappingFiles)).values()) mapped.set(groupName, key);
      return {
        outcome: 'passed',
        detail: `${mapped.size} ${mapped.size === 1 ? 'group is' : 'groups are'} mapped`,
        remedy: null,
      };
    });
    for (const name of options.group) if (!mapped.has(name)) mapped.set(name, null);
    for (const [name, id] of mapped) await add(`group ${printable(name)}`, () => groupResult(site, name, id));
    if (printer) printer.say(`\n${countsLine(results)}`);
    else
      process.stdout.write(`${JSON.stringify({ baseDir, uid: ownUid(), gid: ownGid(), checks: results }, null, 2)}\n`);
    process.exitCode = results.some((r) => r.outcome === 'failed') ? 1 : 0;
  } finally {
    await site.close();
  }
}

type Found = Pick<CheckResult, 'outcome' | 'detail' | 'remedy'>;

async function mountResult(site: Site, base: string): Promise<Found> {
  if (await requireSameMount(site.runs, base, base))
    return { outcome: 'passed', detail: 'its marker is the one that was last seen', remedy: null };
  return {
    outcome: 'warning',
    detail: 'it bears no marker, so a mount that went away cannot be told from an empty one',
    remedy: 'while it is mounted: biomero-bridge storage adopt',
  };
}

async function groupResult(site: Site, name: string, id: string | null): Promise<Found> {
  const group = { id: id === null ? null : Number(id), name };
  const log = createLogger({ level: 'silent', destination: process.stderr });
  const found = await checkGroupStorage(site.runs, site.config.storage, group, log);
  const { bytes, names } = found.room;
  const room = [
    ...(bytes === null ? [] : [`${formatBytes(bytes)} free`]),
    ...(names === null ? [] : [`room for ${names} files`]),
  ];
  return {
    outcome: 'passed',
    detail: [`${found.path} (${found.source}) can be written`, ...room].join(', '),
    remedy: null,
  };
}

async function resultOf(title: string, look: () => Promise<Found>): Promise<CheckResult> {
  const started = performance.now();
  const failed = (error: unknown): Found & { code: string | null } => ({
    outcome: 'failed',
    detail: describeError(error),
    remedy: error instanceof BridgeError ? error.remedy : null,
    code: error instanceof BridgeError ? error.code : null,
  });
  const found = await look().then((f) => ({ ...f, code: null }), failed);
  return { id: title, title, ms: Math.round(performance.now() - started), ...found };
}
