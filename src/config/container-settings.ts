import { existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import type { ContainerConfig } from './config.ts';
import { command, javaMemory, whole, type Parse, type Take } from './values.ts';

/** Without a runtime there are none. */
export function containersOf(take: Take, env: NodeJS.ProcessEnv): ContainerConfig | null {
  const found = ['podman', 'apptainer'].find((name) => isInPath(name, env));
  const named = take<readonly string[] | null>(
    'importer.containers.command',
    'BIOMERO_BRIDGE_CONTAINER_COMMAND',
    command,
    null,
  );
  const settings = {
    network: take('importer.containers.network', 'BIOMERO_BRIDGE_CONTAINER_NETWORK', networkName, 'none'),
    memory: take<{ most: string | null }>(
      'importer.containers.memory',
      'BIOMERO_BRIDGE_CONTAINER_MEMORY',
      memoryLimit,
      { most: '8g' },
    ).most,
    seconds: take('importer.containers.seconds', 'BIOMERO_BRIDGE_CONTAINER_SECONDS', whole(1, 604_800), 21_600),
    images: take<readonly string[]>('importer.containers.images', 'BIOMERO_BRIDGE_CONTAINER_IMAGES', wordList, []),
    scratch: take<string | null>('importer.containers.scratch', 'BIOMERO_BRIDGE_CONTAINER_SCRATCH', folder, null),
    keepId: take('importer.containers.keepId', 'PODMAN_USERNS_MODE', keepId, false),
  };
  const runtime = named ?? (found === undefined ? null : [found]);
  return runtime && { command: runtime, ...settings };
}

function isInPath(name: string, env: NodeJS.ProcessEnv): boolean {
  return (env['PATH'] ?? '').split(delimiter).some((folder) => folder !== '' && existsSync(join(folder, name)));
}

const networkName: Parse<string> = (value) => (/^[A-Za-z0-9][\w.:=,-]*$/.test(value.trim()) ? value.trim() : null);
const wordList: Parse<readonly string[]> = (value) => value.split(/\s+/).filter((word) => word !== '');
/** Other words are podman's or the Python importer's, and mean the default here. */
const keepId: Parse<boolean> = (value) => value.trim().toLowerCase() === 'keep-id';

const folder: Parse<string> = (value) => (value.trim() === '' || value.includes('\0') ? null : resolve(value.trim()));

const memoryLimit: Parse<{ most: string | null }> = (value) => {
  if (value.trim().toLowerCase() === 'none') return { most: null };
  const most = javaMemory(value);
  return typeof most === 'string' ? { most } : most;
};
