import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { ownProgram } from './package-root.ts';

/**
 * Starts one of our own modules, named like those of `ownProgram`, as a thread: compiled from `dist/`, or through tsx
 * when we ourselves run from source, which a thread does not take over from its parent.
 */
export function startThread(module: string, workerData: unknown): Worker {
  const file = pathToFileURL(ownProgram(module).at(-1) ?? '');
  if (!file.pathname.endsWith('.ts')) return new Worker(file, { workerData });
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const code = `import(${tsx}).then(({ register }) => { register(); return import(${JSON.stringify(file.href)}); });`;
  return new Worker(code, { eval: true, workerData });
}
