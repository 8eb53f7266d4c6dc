import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DescriptorConfig, WorkflowConfig } from '../config/config.ts';
import { bridgeError, describeError, isBridgeError } from '../domain/errors.ts';
import type { WorkflowDescriptor } from './descriptor.ts';
import { readDescriptor } from './read-descriptor.ts';

/** The names that BIOMERO tries, in its order. */
const fileNames = ['descriptor.json', 'descriptor.yaml', 'config.yaml'];
const largestBytes = 1024 * 1024;
const fetchMs = 20_000;
const hourMs = 3_600_000;

export interface LoadedDescriptor {
  descriptor: WorkflowDescriptor;
  /** The file or address it was read from. */
  place: string;
  /** When its address did not answer and an older copy was taken: since when that copy stands. */
  staleSince: Date | null;
}

/**
 * The descriptor of a workflow: from the site's folder of descriptors, else from the workflow's `_repo`, which is a
 * folder, a file, a GitHub repository or another address. Null when neither names one. Addresses are asked again after
 * an hour (a version tag: after a day); while one does not answer, the copy of before serves.
 *
 * @throws DESCRIPTOR_UNAVAILABLE, DESCRIPTOR_INVALID
 */
export async function loadDescriptor(
  workflow: WorkflowConfig,
  config: DescriptorConfig | undefined,
  now: () => Date = () => new Date(),
): Promise<LoadedDescriptor | null> {
  const local = config?.folder ? await localDescriptor(config.folder, workflow.name) : null;
  if (local) return local;
  const repository = workflow.repository?.trim();
  if (!repository) return null;
  if (isAbsolute(repository) || repository.startsWith('file://')) {
    const path = repository.startsWith('file://') ? fileURLToPath(repository) : repository;
    const found = await fileDescriptor(path);
    if (found) return found;
    throw unavailable(workflow, path, `there is no ${fileNames.join(', ')}`);
  }
  if (!/^https?:\/\//i.test(repository)) throw unavailable(workflow, repository, 'it is neither a path nor an address');
  return await remoteDescriptor(workflow, repository, config?.cacheDir ?? null, now());
}

async function localDescriptor(folder: string, name: string): Promise<LoadedDescriptor | null> {
  // The name comes from the ini; it must not lead out of the folder.
  if (name.includes('/') || name.startsWith('.')) return null;
  for (const extension of ['json', 'yaml', 'yml']) {
    const found = await fileDescriptor(join(folder, `${name}.${extension}`));
    if (found) return found;
  }
  return await fileDescriptor(join(folder, name));
}

/** A file, or the first of the known names in a folder; null when there is none. */
async function fileDescriptor(path: string): Promise<LoadedDescriptor | null> {
  const stats = await stat(path).catch(() => null);
  if (!stats) return null;
  const files = stats.isDirectory() ? fileNames.map((name) => join(path, name)) : [path];
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (text !== null) return { descriptor: readDescriptor(text, file), place: file, staleSince: null };
  }
  return null;
}

/** Addresses at which a repository's descriptor may be found. */
export function descriptorAddresses(repository: string): string[] {
  const github =
    /^https?:\/\/(?:www\.)?github\.com\/([^/]+)\/([^/#?]+?)(?:\.git)?\/?(?:\/(?:tree|blob)\/([^/]+)(?:\/(.+?))?\/?)?$/i;
  const match = github.exec(repository);
  if (match) {
    const [, owner, name, ref = 'master', path = ''] = match;
    const base = `https://github.com/${owner}/${name}/raw/${ref}/`;
    if (/\.(json|ya?ml)$/i.test(path)) return [base + path];
    return fileNames.map((file) => base + (path ? `${path}/` : '') + file);
  }
  if (/\.(json|ya?ml)$/i.test(new URL(repository).pathname)) return [repository];
  return fileNames.map((file) => `${repository.replace(/\/+$/, '')}/${file}`);
}

interface Cached {
  repository: string;
  address: string;
  at: string;
  text: string;
}

async function remoteDescriptor(
  workflow: WorkflowConfig,
  repository: string,
  cacheDir: string | null,
  now: Date,
): Promise<LoadedDescriptor> {
  const cached = cacheDir === null ? null : await readCache(cacheDir, repository);
  const lifeMs = /\/tree\/v?\d/.test(repository) ? 24 * hourMs : hourMs;
  const read = (c: Cached, staleSince: Date | null): LoadedDescriptor => ({
    descriptor: readDescriptor(c.text, c.address),
    place: c.address,
    staleSince,
  });
  if (cached && now.getTime() - Date.parse(cached.at) < lifeMs) return read(cached, null);
  try {
    const fetched = await fetchFirst(workflow, repository);
    const loaded = read({ ...fetched, repository, at: now.toISOString() }, null);
    if (cacheDir !== null) await writeCache(cacheDir, { ...fetched, repository, at: now.toISOString() });
    return loaded;
  } catch (error) {
    if (cached && isBridgeError(error, 'DESCRIPTOR_UNAVAILABLE')) return read(cached, new Date(cached.at));
    throw error;
  }
}

async function fetchFirst(workflow: WorkflowConfig, repository: string): Promise<{ address: string; text: string }> {
  let reason = '';
  for (const address of descriptorAddresses(repository)) {
    try {
      const response = await fetch(address, { signal: AbortSignal.timeout(fetchMs), redirect: 'follow' });
      if (response.ok) return { address, text: await limitedText(response) };
      await response.body?.cancel();
      reason = `${address} answers ${response.status}`;
      if (response.status !== 404) break;
    } catch (error) {
      throw unavailable(workflow, repository, describeError(error), error);
    }
  }
  throw unavailable(workflow, repository, reason);
}

async function limitedText(response: Response): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).byteLength;
    if (size > largestBytes) throw new Error(`it has more than ${largestBytes} bytes`);
    chunks.push(Buffer.from(chunk as Uint8Array));
  }
  return Buffer.concat(chunks).toString('utf8');
}

function cacheFile(folder: string, repository: string): string {
  return join(folder, `${createHash('sha256').update(repository).digest('hex').slice(0, 32)}.json`);
}

/** A cache that cannot be read is none. */
async function readCache(folder: string, repository: string): Promise<Cached | null> {
  try {
    const cached = JSON.parse(await readFile(cacheFile(folder, repository), 'utf8')) as Cached;
    const whole = [cached.address, cached.at, cached.text].every((field) => typeof field === 'string');
    return whole && cached.repository === repository && !Number.isNaN(Date.parse(cached.at)) ? cached : null;
  } catch {
    return null;
  }
}

/** Failing to keep a copy must not stop what the copy is for. */
async function writeCache(folder: string, cached: Cached): Promise<void> {
  const path = cacheFile(folder, cached.repository);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(`${path}.${process.pid}`, JSON.stringify(cached), { mode: 0o600 });
    await rename(`${path}.${process.pid}`, path);
  } catch {
    return;
  }
}

function unavailable(workflow: WorkflowConfig, place: string, reason: string, cause?: unknown): Error {
  return bridgeError('DESCRIPTOR_UNAVAILABLE', { workflow: workflow.name, place, reason }, { cause });
}
