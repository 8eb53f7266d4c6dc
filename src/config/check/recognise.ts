import { basename } from 'node:path';
import { fileSchemas, settingsKeys, type FileType } from '../file-schemas.ts';

export type CheckedType = FileType | 'environment';
export const checkedTypes: readonly CheckedType[] = [
  'settings.yml',
  'biomero-config.json',
  'group-mappings.json',
  'slurm-config.ini',
  'environment',
];

/** Which kind of file this is: by its name, else by what stands in it; null when neither tells. */
export function recognise(path: string, text: string): CheckedType | null {
  const name = basename(path).toLowerCase();
  // A compose file is YAML too, and none of ours.
  if (/\.ya?ml$/.test(name)) return /^services\s*:/m.test(text) ? null : 'settings.yml';
  if (/mappings?.*\.json$/.test(name)) return 'group-mappings.json';
  if (/^biomero.*\.json$/.test(name)) return 'biomero-config.json';
  if (name.endsWith('.ini')) return 'slurm-config.ini';
  if (/^\.env|\.env$|^environment$/.test(name)) return 'environment';
  return byContent(text);
}

function byContent(text: string): CheckedType | null {
  const start = text.replace(/^\uFEFF/, '').trimStart();
  if (start.startsWith('{')) {
    const keys = Object.keys(fileSchemas['biomero-config.json'].properties ?? {});
    if (keys.some((key) => start.includes(`"${key}"`))) return 'biomero-config.json';
    return /^\{\s*(?:\}|"\d+"\s*:)/.test(start) ? 'group-mappings.json' : null;
  }
  const first = start.split(/\r?\n/).find((line) => line.trim() !== '' && !/^\s*[#;]/.test(line)) ?? '';
  if (/^\s*\[[^\]]+\]/.test(first)) return 'slurm-config.ini';
  if (/^(?:export\s+)?[A-Z_][A-Z0-9_]*\s*=/.test(first)) return 'environment';
  return settingsKeys.some((key) => new RegExp(`^${key}\\s*:`, 'm').test(start)) ? 'settings.yml' : null;
}
