import type { Config } from './config.ts';
import { maskDatabaseUrl } from './database-url.ts';

export interface DescribedValue {
  /** Path in Config, such as `omero.host`. */
  readonly path: string;
  /** As text; secrets masked. */
  readonly value: string;
  /** Variable or file and key that it came from, or `default`; empty when unknown. */
  readonly origin: string;
}

const secrets = new Set(['omero.password', 'web.token']);
const urls = new Set(['databases.orders', 'databases.runs']);

/** Every resolved value with its origin, by path, for people: secrets are masked. */
export function describeConfig(config: Config): DescribedValue[] {
  const { origins = {}, notes: _notes, ...rest } = config;
  const rows: DescribedValue[] = [];
  walk('', rest);
  return rows;

  function walk(path: string, value: unknown): void {
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && !isLeaf(path)) {
      for (const [key, inner] of Object.entries(value)) walk(path ? `${path}.${key}` : key, inner);
      return;
    }
    rows.push({ path, value: shown(path, value), origin: originOf(path) });
  }

  function originOf(path: string): string {
    // `tcp://` of the host decides the transport; a list's elements may have an origin each.
    if (path === 'omero.transport') return origins['omero.host'] ?? '';
    const elements = Object.keys(origins).filter((p) => p.startsWith(`${path}.`));
    const own = origins[path];
    if (own !== undefined && own !== 'default') return own;
    const found = new Set(elements.map((p) => origins[p] ?? ''));
    found.delete('default');
    return found.size ? [...found].join('; ') : (own ?? (elements.length ? 'default' : ''));
  }
}

function isLeaf(path: string): boolean {
  return path === 'importer.runAs' || path === 'slurm.sbatch' || /^slurm\.workflows\..+\.flags$/.test(path);
}

function shown(path: string, value: unknown): string {
  if (value === null || value === '') return '';
  if (secrets.has(path)) return '***';
  if (urls.has(path) && typeof value === 'string') return maskDatabaseUrl(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
