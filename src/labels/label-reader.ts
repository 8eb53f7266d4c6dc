import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ownProgram } from '../lib/package-root.ts';
import type { LabelArea, LabelShape } from './label-shapes.ts';

export interface LabelImageRequest {
  /** The archive's folder. */
  root: string;
  /** The label image, relative to it: a TIFF or PNG file. */
  path: string;
  shape: LabelShape;
  /** Of the image that it was made from. */
  size: { width: number; height: number };
}

export type LabelImageAnswer = { areas: LabelArea[] } | { reason: string };

interface Limits {
  timeMs: number;
  memoryBytes: number;
}

const defaults: Limits = { timeMs: 60_000, memoryBytes: 2 * 1024 ** 3 };

/** Reads label images in a child process, with a limit of time and memory for each; a child that passes them is killed. */
export class LabelReader {
  readonly #limits: Limits;
  #child: ChildProcess | null = null;

  constructor(limits: Partial<Limits> = {}) {
    this.#limits = { ...defaults, ...limits };
  }

  /** One at a time; an image that cannot be read gives the reason. */
  async read(request: LabelImageRequest, signal: AbortSignal): Promise<LabelImageAnswer> {
    signal.throwIfAborted();
    const child = (this.#child ??= start());
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        clearInterval(watch);
        child.off('message', answer);
        child.off('error', onError);
        child.off('exit', onExit);
        signal.removeEventListener('abort', onAbort);
      };
      const answer = (found: LabelImageAnswer): void => {
        end();
        resolve(found);
      };
      const kill = (reason: string): void => {
        this.close();
        answer({ reason });
      };
      const onAbort = (): void => {
        this.close();
        end();
        reject(signal.reason as Error);
      };
      const onError = (): void => kill('the process that reads label images does not start');
      const onExit = (): void => kill('reading it ended the process that reads label images');
      const timer = setTimeout(
        () => kill(`reading it took longer than ${this.#limits.timeMs / 1000} s`),
        this.#limits.timeMs,
      );
      const watch = setInterval(() => {
        if (residentBytes(child.pid) > this.#limits.memoryBytes)
          kill(`reading it took more than ${Math.round(this.#limits.memoryBytes / 1e6)} MB of memory`);
      }, 50);
      child.on('message', answer);
      child.on('error', onError);
      child.on('exit', onExit);
      signal.addEventListener('abort', onAbort, { once: true });
      child.send(request, (error) => {
        if (error) kill('the process that reads label images does not answer');
      });
    });
  }

  close(): void {
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }
}

function start(): ChildProcess {
  const [program = process.execPath, ...args] = ownProgram('src/labels/labels-main');
  const child = spawn(program, ['--max-old-space-size=1024', ...args], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'advanced',
    // Nothing of our configuration: an image that took this process over would find no secret.
    env: { PATH: process.env['PATH'], LANG: 'C.UTF-8' },
  });
  // Whoever waits for an answer is told; when nobody does it ends no worker.
  child.on('error', () => undefined);
  return child;
}

/** Memory of a process that is really in use, in bytes; 0 where it cannot be told. */
function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096;
  } catch {
    return 0;
  }
}
