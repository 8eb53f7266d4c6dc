import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findExecutable } from './optional-part.ts';

/** Where CI installs them: they come from Python's package index. */
const folder = '/opt/biomero-containers/bin';
const names = ['hadolint', 'check-jsonschema', 'shellcheck', 'podman-compose'] as const;

/** A tool that reads container files; in PATH, or where CI installs it. */
export function containerTool(name: (typeof names)[number]): string {
  const installed = join(folder, name);
  return existsSync(installed) ? installed : (findExecutable(name) ?? '');
}

/** All of them, and the podman that podman-compose asks for its version. */
export const hasContainerTools = names.every((name) => containerTool(name) !== '') && findExecutable('podman') !== null;
