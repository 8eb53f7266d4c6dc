import { userInfo } from 'node:os';
import { join } from 'node:path';
import { checkGroupMappings, type MappingFinding } from '../archive/check-group-mappings.ts';
import { readGroupMappings, type GroupMapping } from '../archive/group-mappings.ts';
import { saveGroupMappings, type SavedGroupMappings } from '../archive/save-group-mappings.ts';
import { loadConfig } from '../config/load.ts';
import { bridgeError, printable } from '../domain/errors.ts';
import { insertAudit } from '../runs/write-run.ts';
import { formatTable } from './format.ts';
import { openSite, siteEnvironment, type Site } from './site.ts';

/** `mappings list`: exit code 1 when one of them cannot be used. */
export async function listMappings(options: { json?: boolean; data: string }): Promise<void> {
  const { storage } = await loadConfig((await siteEnvironment(options.data)).env, []);
  const mappings = [...(await readGroupMappings(storage.mappingFiles)).values()];
  const findings = await checkGroupMappings(storage, new Map(mappings.map((m) => [m.key, m])));
  process.exitCode = findings.some((f) => f.level === 'error') ? 1 : 0;
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ baseDir: storage.baseDir, mappings, findings }, null, 2)}\n`);
    return;
  }
  const stateOf = ({ key }: GroupMapping): string =>
    findings
      .filter((f) => f.key === key)
      .map((f) => `${f.level}: ${f.reason}`)
      .join('; ') || 'ok';
  const rows = mappings.map((m) => [m.key, m.groupName, join(storage.baseDir, m.folder), m.file, stateOf(m)]);
  const text = rows.length
    ? formatTable([['ID', 'GROUP', 'FOLDER', 'FROM', 'STATE'], ...rows.map((row) => row.map(printable))])
    : `No group is mapped: each has the folder of its name below ${printable(storage.baseDir)}.`;
  process.stdout.write(`${text}\n`);
}

/** `mappings set GROUP FOLDER`: the group as OMERO has it, by name or id. */
export async function setMapping(
  group: string,
  folder: string,
  options: { allowShared?: boolean; data: string },
): Promise<void> {
  await withSite(options.data, async (site) => {
    const { id, name } = await groupOf(site, group);
    const { allowShared = false } = options;
    const change = { groupId: id, groupName: name, folder };
    const saved = await saveGroupMappings(site.config.storage, [change], { allowShared, db: site.runs });
    await audit(site, `Group ${name} (${id}): ${folder}`);
    const path = join(site.config.storage.baseDir, folder);
    tell(
      `Results of group ${name} (${id}) go to ${path} from now on. Archives that exist stay where they are.`,
      saved,
      id,
    );
  });
}

/** `mappings remove GROUP`: a mapped group, by name or id. */
export async function removeMapping(group: string, options: { data: string }): Promise<void> {
  await withSite(options.data, async (site) => {
    const { baseDir, mappingFiles } = site.config.storage;
    const mappings = await readGroupMappings(mappingFiles);
    const found = mappings.get(group) ?? [...mappings.values()].find((m) => m.groupName === group);
    if (!found) throw bridgeError('GROUP_NOT_MAPPED', { group });
    const change = { groupId: Number(found.key), groupName: found.groupName, folder: null };
    const saved = await saveGroupMappings(site.config.storage, [change], { db: site.runs });
    await audit(site, `Group ${found.groupName} (${found.key}): not mapped`);
    tell(
      `Results of group ${found.groupName} go to ${join(baseDir, found.groupName)} from now on.`,
      saved,
      change.groupId,
    );
  });
}

async function withSite(data: string, work: (site: Site) => Promise<void>): Promise<void> {
  const site = await openSite(data);
  try {
    await work(site);
  } finally {
    await site.close();
  }
}

async function groupOf(site: Site, group: string): Promise<{ id: number; name: string }> {
  const groups = await (await site.omero.admin()).allGroups();
  // A name of digits alone is a name first.
  const found = groups.find((g) => g.name === group) ?? groups.find((g) => String(g.id) === group);
  if (!found) throw bridgeError('OMERO_GROUP_UNKNOWN', { group });
  return found;
}

async function audit(site: Site, what: string): Promise<void> {
  const who = `${userInfo().username} on the command line`;
  await insertAudit(site.runs, { who, action: 'mapping', runId: null, reason: printable(what).slice(0, 1_000) });
}

function tell(done: string, { notes, findings }: SavedGroupMappings, id: number): void {
  const warnings = findings.filter((f: MappingFinding) => f.key === String(id)).map((f) => `Note: ${f.reason}.`);
  process.stdout.write(`${[done, ...notes, ...warnings].map(printable).join('\n')}\n`);
}
