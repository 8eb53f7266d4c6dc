import type { WorkflowConfig } from './config.ts';
import { settingOf } from './settings-table.ts';
import type { SlurmIni } from './slurm-config.ts';
import { bool, verbatim, type Found, type Parse } from './values.ts';

/**
 * Workflows of [MODELS], then of [WORKFLOWS], which wins key by key. Only keys of the sections themselves count: what
 * they inherit from DEFAULT serves references and would otherwise become a workflow.
 */
export function workflowsOf(ini: SlurmIni): Record<string, WorkflowConfig> {
  const sections = new Map<string, string>();
  for (const section of ['MODELS', 'WORKFLOWS']) for (const key of ini.ownKeys(section)) sections.set(key, section);
  const find = (key: string, form = 'a value'): Found | null => {
    const section = sections.get(key);
    return section === undefined ? null : ini.find(section, key, form);
  };

  const names = new Set<string>();
  for (const key of sections.keys()) {
    const own = /^(.+)_(?:repo|job|use_gpu)$/.exec(key)?.[1];
    if (own) names.add(own);
    else if (!key.includes('_job_')) names.add(key);
  }
  const flags = new Map<string, Record<string, string>>();
  for (const [key, section] of sections) {
    const split = splitFlag(key, names);
    if (!split) continue;
    const [name, flag] = split;
    names.add(name);
    const own = flags.get(name) ?? (Object.create(null) as Record<string, string>);
    ini.putFlag(own, flag, section, key, `slurm.workflows.${name}.flags`);
    flags.set(name, own);
  }
  const workflows: Record<string, WorkflowConfig> = Object.create(null) as Record<string, WorkflowConfig>;
  for (const name of names) {
    const gpu = find(`${name}_use_gpu`, settingOf('<workflow>_use_gpu').form);
    const value = <T>(path: string, key: string, found: Found | null, parse: Parse<T>, fallback: T): T =>
      ini.value(`slurm.workflows.${name}.${path}`, found, parse, fallback, `[WORKFLOWS] ${key}`);
    workflows[name] = {
      name,
      folder: value<string | null>('folder', name, find(name), verbatim, null),
      repository: value<string | null>('repository', `${name}_repo`, find(`${name}_repo`), verbatim, null),
      job: value('job', `${name}_job`, find(`${name}_job`), verbatim, `jobs/${name}.sh`),
      useGpu: value('useGpu', `${name}_use_gpu`, gpu, bool, false),
      flags: flags.get(name) ?? {},
    };
  }
  return workflows;
}

/** `<workflow>_job_<flag>`: the longest known workflow's name; else, as BIOMERO, everything up to the last `_job_`. */
function splitFlag(key: string, names: ReadonlySet<string>): [string, string] | null {
  if (/^.+_(?:repo|job|use_gpu)$/.test(key)) return null;
  let greedy: [string, string] | null = null;
  for (let at = key.lastIndexOf('_job_'); at > 0; at = key.lastIndexOf('_job_', at - 1)) {
    const split: [string, string] = [key.slice(0, at), key.slice(at + '_job_'.length)];
    if (!split[1]) continue;
    if (names.has(split[0])) return split;
    greedy ??= split;
  }
  return greedy;
}
