import type { Config, Origin } from './config.ts';
import { maskDatabaseUrl } from './database-url.ts';

export interface DescribedValue {
  /** Path in Config, such as `omero.host`. */
  readonly path: string;
  /** As text; secrets masked; empty when there is none. */
  readonly value: string;
  /** Null where a value follows from others. */
  readonly origin: Origin | null;
}

const secrets = new Set(['omero.password', 'web.token', 'notify.mail.server', 'notify.webhook.secret']);
const urls = new Set(['databases.orders', 'databases.runs']);
/** Shown on one row each though they are objects. */
const leaves = new Set(['importer.runAs']);
const lists = new Set(['storage.mappingFiles']);

/** What each role reads; other parts of the configuration need not be set for it. */
const partsOfRoles: Readonly<Record<'worker' | 'importer' | 'web', readonly string[]>> = {
  worker: [
    'importerEnabled',
    'databases',
    'storage',
    'omero',
    'slurm',
    'tracking',
    'worker',
    'descriptors',
    'notify',
    'web.url',
    'metrics',
    'logLevel',
  ],
  importer: ['databases.orders', 'storage', 'importer', 'omero', 'metrics', 'logLevel'],
  web: [
    'importerEnabled',
    'databases',
    'storage',
    'omero',
    'slurm',
    'web',
    'descriptors',
    'notify',
    'metrics',
    'logLevel',
  ],
};

/** Every resolved value with its origin, by path, for people: secrets are masked. `roles`: only what these read. */
export function describeConfig(
  config: Config,
  roles: readonly ('worker' | 'importer' | 'web')[] = ['worker', 'importer', 'web'],
): DescribedValue[] {
  const { origins = {}, notes: _notes, files: _files, ...rest } = config;
  const parts = roles.flatMap((role) => partsOfRoles[role]);
  const rows: DescribedValue[] = [];
  walk('', rest);
  return rows;

  function walk(path: string, value: unknown): void {
    const open = typeof value === 'object' && value !== null && !leaves.has(path);
    if (open && (!Array.isArray(value) || lists.has(path))) {
      for (const [key, inner] of Object.entries(value)) walk(path ? `${path}.${key}` : key, inner);
      return;
    }
    // The name of a workflow is in its path.
    if (/^slurm\.workflows\.[^.]+\.name$/.test(path)) return;
    if (!parts.some((part) => path === part || path.startsWith(`${part}.`))) return;
    rows.push({ path, value: shown(path, value), origin: originOf(path) });
  }

  function originOf(path: string): Origin | null {
    // `tcp://` of the host decides the transport; a list's elements may have an origin each.
    const own = origins[path === 'omero.transport' ? 'omero.host' : path];
    if (own && own.place !== 'default') return own;
    const elements = Object.keys(origins).filter((p) => p.startsWith(`${path}.`));
    return elements.map((p) => origins[p]).find((o) => o && o.place !== 'default') ?? own ?? null;
  }
}

/** `OMERO_HOST (environment)`, `/etc/settings.yml:3 base_dir`, `default (OMERO_PORT)`. */
export function originText(origin: Origin | null): string {
  if (!origin) return '';
  const { place, key, line } = origin;
  if (place === 'default') return key ? `default (${key})` : 'default';
  return place === 'environment' ? `${key} (environment)` : `${place}${line ? `:${line}` : ''} ${key}`;
}

function shown(path: string, value: unknown): string {
  if (value === null || value === undefined || value === '') return '';
  if (secrets.has(path)) return '***';
  if (urls.has(path) && typeof value === 'string') return maskDatabaseUrl(value);
  // A repository's address may hold a token.
  return (typeof value === 'string' ? value : JSON.stringify(value)).replace(/:\/\/[^/@\s]+@/g, '://***@');
}
