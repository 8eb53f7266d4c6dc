/** Pure: command lines of podman and apptainer. A container gets no rights and no network, and only its own folders. */
import { basename } from 'node:path';
import type { ContainerConfig } from '../../config/config.ts';

export interface ContainerRun {
  /** Unique on this machine. */
  readonly name: string;
  readonly image: string;
  readonly mounts: readonly { readonly from: string; readonly to: string; readonly writable: boolean }[];
  readonly args: readonly string[];
}

/** The commands that start a container, and that end it and what is left of it. */
export interface ContainerCommands {
  readonly run: readonly string[];
  /** null when the runtime keeps nothing beyond its process. */
  readonly remove: readonly string[] | null;
}

/** Which runtime a command is; anything that is not apptainer is taken to understand podman's options. */
export function runtimeOf(command: readonly string[]): 'podman' | 'apptainer' {
  return command.some((part) => /^(apptainer|singularity)$/.test(basename(part))) ? 'apptainer' : 'podman';
}

export function containerCommands(settings: ContainerConfig, run: ContainerRun): ContainerCommands {
  return runtimeOf(settings.command) === 'apptainer' ? apptainer(settings, run) : podman(settings, run);
}

function podman({ command, network, memory, keepId }: ContainerConfig, run: ContainerRun): ContainerCommands {
  return {
    run: [
      ...command,
      ...['run', '--rm', '--name', run.name, '--pull', 'missing', '--stop-timeout', '2'],
      ...['--network', network, ...limit(memory)],
      ...['--cap-drop', 'all', '--security-opt', 'no-new-privileges'],
      // Relabelling the group's data for one container would take it from others.
      ...['--security-opt', 'label=disable'],
      ...(keepId ? ['--userns=keep-id'] : []),
      ...run.mounts.flatMap(({ from, to, writable }) => ['-v', `${from}:${to}${writable ? '' : ':ro'}`]),
      run.image,
      ...run.args,
    ],
    remove: [...command, 'rm', '--force', '--ignore', run.name],
  };
}

function apptainer({ command, network, memory }: ContainerConfig, run: ContainerRun): ContainerCommands {
  return {
    run: [
      ...command,
      ...['run', '--containall', '--cleanenv', '--no-home', '--no-privs', '--writable-tmpfs'],
      ...(network === 'host' ? [] : ['--net', '--network', network]),
      ...limit(memory),
      ...run.mounts.flatMap(({ from, to, writable }) => ['--bind', `${from}:${to}:${writable ? 'rw' : 'ro'}`]),
      `docker://${run.image}`,
      ...run.args,
    ],
    remove: null,
  };
}

function limit(memory: string | null): string[] {
  return memory === null ? [] : ['--memory', memory];
}

/** Why a folder cannot be mounted; null when it can. */
export function refusalOfMount(settings: ContainerConfig, path: string): string | null {
  if (path.includes(':')) return 'a colon in the name of its folder cannot be given to a container';
  if (path.includes(',') && runtimeOf(settings.command) === 'apptainer')
    return 'a comma in the name of its folder cannot be given to apptainer';
  return null;
}

/** Why an image may not be run; null when it may. */
export function refusalOfImage({ images }: ContainerConfig, image: string): string | null {
  if (images.length === 0 || images.some((allowed) => isBelow(image, allowed))) return null;
  return `the container image ${image} is not among those that this site allows (${images.join(', ')})`;
}

function isBelow(image: string, allowed: string): boolean {
  const end = image.slice(allowed.length);
  return image.startsWith(allowed) && (end === '' || allowed.endsWith('/') || /^[/:@]/.test(end));
}
