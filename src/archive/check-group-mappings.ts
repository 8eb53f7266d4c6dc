/** What is wrong with group mappings, entry by entry: for the editor, for `config check`, and before saving. */
import { sep } from 'node:path';
import type { StorageConfig } from '../config/config.ts';
import { lookAtFolder, realBase, refuseFolder, trimSlash } from './group-folder.ts';
import type { GroupMapping } from './group-mappings.ts';

export interface MappingFinding {
  /** Group id as text: the key of the entry. */
  key: string;
  groupName: string;
  folder: string;
  /** `error`: results of the group cannot be stored, or not where people expect them. */
  level: 'error' | 'warning';
  kind:
    | 'refused'
    | 'missing'
    | 'not-a-folder'
    | 'outside'
    | 'shared'
    | 'nested'
    | 'same-name'
    | 'renamed'
    | 'unknown-group';
  reason: string;
  remedy: string;
  /** Key of the other entry, where two are involved. */
  other: string | null;
}

/**
 * Looks at every mapping: whether its folder may be used and is there, and whether two groups share one.
 *
 * @param options.groups OMERO's groups where they are known: then ids and names are compared with them
 * @throws STORAGE_BASE_MISSING
 */
export async function checkGroupMappings(
  storage: Pick<StorageConfig, 'baseDir'>,
  mappings: ReadonlyMap<string, GroupMapping>,
  options: { groups?: readonly { id: number; name: string }[] } = {},
): Promise<MappingFinding[]> {
  const base = await realBase(storage.baseDir);
  const findings: MappingFinding[] = [];
  const places = new Map<string, string>();
  for (const mapping of mappings.values()) {
    const wrong = findings.length;
    const real = await lookAtOne(storage.baseDir, base, mapping, findings);
    if (findings.length === wrong && real !== null) places.set(mapping.key, real);
  }
  findings.push(...overlaps(mappings, places), ...sameNames(mappings));
  if (options.groups) findings.push(...againstOmero(mappings, options.groups));
  return findings.sort((a, b) => Number(a.key) - Number(b.key));
}

async function lookAtOne(
  baseDir: string,
  base: string,
  mapping: GroupMapping,
  findings: MappingFinding[],
): Promise<string | null> {
  const add = (kind: MappingFinding['kind'], reason: string, remedy: string): null => {
    findings.push(finding(mapping, 'error', kind, reason, remedy));
    return null;
  };
  const refusal = refuseFolder(mapping.folder);
  if (refusal !== null) return add('refused', refusal, `Give a folder below ${baseDir}, written relative to it.`);
  const found = await lookAtFolder(baseDir, base, mapping.folder);
  switch (found.state) {
    case 'there':
      return found.real;
    case 'outside':
      return add('outside', `it leads to ${found.real}`, `Give a folder that lies below ${baseDir} itself.`);
    case 'missing':
      return add('missing', found.reason, `Make the folder, or correct the name; is ${baseDir} mounted here?`);
    case 'not-a-folder':
      return add('not-a-folder', found.reason, 'Give a folder.');
  }
}

function overlaps(mappings: ReadonlyMap<string, GroupMapping>, places: ReadonlyMap<string, string>): MappingFinding[] {
  const findings: MappingFinding[] = [];
  for (const [key, place] of places)
    for (const [otherKey, otherPlace] of places) {
      const mapping = mappings.get(key);
      const other = mappings.get(otherKey);
      if (!mapping || !other || key === otherKey) continue;
      const name = `group "${other.groupName}" (${otherKey})`;
      if (place === otherPlace)
        findings.push(
          finding(
            mapping,
            'warning',
            'shared',
            `it is the folder of ${name} too, so each may import what the other stores`,
            'Give each group a folder of its own, unless they are meant to share it.',
            otherKey,
          ),
        );
      else if (place.startsWith(otherPlace + sep))
        findings.push(
          finding(
            mapping,
            'warning',
            'nested',
            `it lies inside the folder of ${name}, which may import what is stored in it`,
            'Give each group a folder outside the other, unless this is meant.',
            otherKey,
          ),
        );
    }
  return findings;
}

function sameNames(mappings: ReadonlyMap<string, GroupMapping>): MappingFinding[] {
  const findings: MappingFinding[] = [];
  const all = [...mappings.values()];
  for (const mapping of all) {
    const other = all.find(
      (m) =>
        m.key !== mapping.key && m.groupName === mapping.groupName && trimSlash(m.folder) !== trimSlash(mapping.folder),
    );
    if (other)
      findings.push(
        finding(
          mapping,
          'error',
          'same-name',
          `entry ${other.key} names the same group with another folder, and where only the name is known neither can be chosen`,
          'Remove the entry whose id is not that group, or correct its "groupName".',
          other.key,
        ),
      );
  }
  return findings;
}

function againstOmero(
  mappings: ReadonlyMap<string, GroupMapping>,
  groups: readonly { id: number; name: string }[],
): MappingFinding[] {
  const names = new Map(groups.map((g) => [String(g.id), g.name]));
  return [...mappings.values()].flatMap((mapping) => {
    const name = names.get(mapping.key);
    if (name === undefined)
      return [
        finding(mapping, 'warning', 'unknown-group', `OMERO has no group ${mapping.key}`, 'Remove the entry.', null),
      ];
    if (name === mapping.groupName) return [];
    const reason = `in OMERO group ${mapping.key} is called "${name}", and BIOMERO's scripts look it up by name`;
    return [finding(mapping, 'warning', 'renamed', reason, 'Save the mapping again, which takes over the name.')];
  });
}

function finding(
  { key, groupName, folder }: GroupMapping,
  level: MappingFinding['level'],
  kind: MappingFinding['kind'],
  reason: string,
  remedy: string,
  other: string | null = null,
): MappingFinding {
  return { key, groupName, folder, level, kind, reason, remedy, other };
}
