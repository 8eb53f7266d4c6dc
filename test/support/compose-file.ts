/** The compose files of `deploy/`, read as an engine reads them: anchors merged, variables put in. */
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { parse } from 'yaml';
import { packageFile } from '../../src/lib/package-root.ts';

export interface Service {
  readonly image?: string;
  readonly build?: { context: string; dockerfile: string; args: Record<string, string> };
  readonly user?: string;
  readonly command?: string;
  readonly profiles?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number | null>>;
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

export interface Mount {
  /** On the host, or the name of a volume. */
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

export const deployFile = (name: string): string => packageFile('deploy', name);
export const deployText = (name: string): string => readFileSync(deployFile(name), 'utf8');

/** The file with variables unreplaced. */
export function rawCompose(name: string): ComposeFile {
  return parse(deployText(name), { merge: true }) as ComposeFile;
}

/** `A=b` lines; a later one wins. */
export function readVariables(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const match = /^([A-Z_0-9]+)=(.*)$/.exec(line);
      return match ? [[match[1] ?? '', match[2] ?? '']] : [];
    }),
  );
}

const variable = /\$(?:\$|\{([A-Z_0-9]+)(?::-([^}]*))?\})/g;

/** Variables that a text names, with whether they have a default there. */
export function variablesOf(text: string): { name: string; default: boolean }[] {
  return [...text.matchAll(variable)].flatMap(([, name, fallback]) =>
    name === undefined ? [] : [{ name, default: fallback !== undefined }],
  );
}

/** Puts variables in; one that is neither set nor has a default throws. */
export function interpolate(name: string, env: Readonly<Record<string, string>>): ComposeFile {
  const replace = (text: string): string =>
    text.replace(variable, (whole, key: string | undefined, fallback: string | undefined) => {
      if (key === undefined) return whole;
      const value = env[key] || fallback;
      if (value === undefined && env[key] === undefined) throw new Error(`${name}: ${key} is not set`);
      return value ?? '';
    });
  const visit = (node: unknown): unknown => {
    if (typeof node === 'string') return replace(node);
    if (Array.isArray(node)) return node.map(visit);
    if (node === null || typeof node !== 'object') return node;
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, visit(value)]));
  };
  return visit(rawCompose(name)) as ComposeFile;
}

export function mountsOf(service: Service): Mount[] {
  return (service.volumes ?? []).map((text) => {
    const [source = '', target = '', mode = 'rw'] = text.split(':');
    return { source, target, readOnly: mode === 'ro' };
  });
}

/** Where a path inside a service lies on the host, below `folder`, the compose file's; null: in no mount or secret. */
export function onHost(compose: ComposeFile, service: Service, path: string, folder: string): string | null {
  const secret = /^\/run\/secrets\/(.+)$/.exec(path)?.[1];
  if (secret !== undefined) {
    const file = service.secrets?.includes(secret) ? compose.secrets[secret]?.file : undefined;
    return file === undefined ? null : join(folder, file);
  }
  for (const { source, target } of mountsOf(service)) {
    if (path !== target && !path.startsWith(`${target}/`)) continue;
    if (!source.startsWith('.') && !isAbsolute(source)) return join(folder, 'volumes', source);
    return join(folder, source, path.slice(target.length));
  }
  return null;
}
