import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { describeError } from '../domain/errors.ts';
import { ownProgram } from '../lib/package-root.ts';
import type { PreviewFacts, PreviewRequest } from './make-preview.ts';

export type PreviewAnswer = (PreviewFacts & { png: Buffer }) | { reason: string };

/** Changes when previews are drawn differently, so that old ones are not shown. */
const version = 2;

interface Limits {
  timeMs: number;
  memoryBytes: number;
  waiting: number;
}

const defaults: Limits = { timeMs: 20_000, memoryBytes: 1 << 30, waiting: 200 };

/**
 * Makes previews in one child process, one after the other, with a limit of time and memory for each; a child that
 * passes them is killed and the image gets the reason. Finished previews, and reasons, are kept in `cacheFolder`
 * under a name that follows from the image's checksum; nothing is ever written into an archive.
 */
export class PreviewMaker {
  readonly #cacheFolder: string;
  readonly #log: Logger;
  readonly #limits: Limits;
  readonly #making = new Map<string, Promise<PreviewAnswer>>();
  #child: ChildProcess | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #id = 0;

  constructor(cacheFolder: string, log: Logger, limits: Partial<Limits> = {}) {
    this.#cacheFolder = cacheFolder;
    this.#log = log;
    this.#limits = { ...defaults, ...limits };
  }

  /** @param identity what tells the image from others for good: its checksum, or that of its archive and its path */
  async preview(request: PreviewRequest, identity: string): Promise<PreviewAnswer> {
    const key = createHash('sha256')
      .update(JSON.stringify([version, identity, request.size]))
      .digest('hex');
    const kept = await this.#readKept(key);
    if (kept) return kept;
    const underWay = this.#making.get(key);
    if (underWay) return underWay;
    if (this.#waiting >= this.#limits.waiting) return { reason: 'too many previews are being made; look again later' };
    this.#waiting++;
    const making = this.#last
      .then(() => this.#make(request))
      .then(async ({ answer, lasting }) => {
        if (lasting) await this.#keep(key, answer);
        return answer;
      })
      .finally(() => {
        this.#waiting--;
        this.#making.delete(key);
      });
    this.#last = making.catch(() => undefined);
    this.#making.set(key, making);
    return making;
  }

  /** Removes the oldest of the kept previews when they are more than `mostBytes` together. */
  async sweep(mostBytes = 1e9): Promise<void> {
    const names = await readdir(this.#cacheFolder, { recursive: true }).catch(() => []);
    const files: { path: string; bytes: number; at: number }[] = [];
    for (const name of names) {
      const path = join(this.#cacheFolder, name);
      const found = await stat(path).catch(() => null);
      if (found?.isFile()) files.push({ path, bytes: found.size, at: found.mtimeMs });
    }
    let over = files.reduce((sum, f) => sum + f.bytes, 0) - mostBytes;
    for (const file of files.sort((a, b) => a.at - b.at)) {
      if (over <= 0) return;
      await rm(file.path, { force: true });
      over -= file.bytes;
    }
  }

  close(): void {
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }

  async #make(request: PreviewRequest): Promise<{ answer: PreviewAnswer; lasting: boolean }> {
    const child = (this.#child ??= this.#start());
    const id = ++this.#id;
    return new Promise((resolve) => {
      const end = (answer: PreviewAnswer, lasting: boolean): void => {
        clearTimeout(timer);
        clearInterval(watch);
        child.off('message', onMessage);
        child.off('exit', onExit);
        resolve({ answer, lasting });
      };
      const kill = (reason: string, lasting: boolean): void => {
        child.off('exit', onExit);
        child.kill('SIGKILL');
        if (this.#child === child) this.#child = null;
        end({ reason }, lasting);
      };
      const onMessage = (message: { id: number; png?: string } & Record<string, unknown>): void => {
        if (message.id !== id) return;
        const { png, reason, lasting, ...rest } = message;
        if (png === undefined) end({ reason: String(reason) }, lasting === true);
        else
          end(
            { ...(rest as unknown as Exclude<PreviewAnswer, { reason: string }>), png: Buffer.from(png, 'base64') },
            true,
          );
      };
      const onExit = (): void => {
        if (this.#child === child) this.#child = null;
        end({ reason: 'reading it ended the process that draws previews' }, false);
      };
      const timer = setTimeout(
        () => kill(`drawing it took longer than ${this.#limits.timeMs / 1000} s`, false),
        this.#limits.timeMs,
      );
      const watch = setInterval(() => {
        if (residentBytes(child.pid) > this.#limits.memoryBytes)
          kill(`drawing it took more than ${Math.round(this.#limits.memoryBytes / 1e6)} MB of memory`, true);
      }, 50);
      child.on('message', onMessage);
      child.on('exit', onExit);
      child.send({ ...request, id }, (error) => {
        if (error) onExit();
      });
    });
  }

  #start(): ChildProcess {
    const [program = process.execPath, ...args] = ownProgram('src/previews/preview-main');
    const child = spawn(program, ['--max-old-space-size=512', ...args], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      // Nothing of our configuration: an image that took this process over would find no secret.
      env: { PATH: process.env['PATH'], LANG: 'C.UTF-8' },
    });
    child.on('error', (error) => this.#log.warn({ error: describeError(error) }, 'previews cannot be made'));
    child.unref();
    child.channel?.unref();
    return child;
  }

  async #readKept(key: string): Promise<PreviewAnswer | null> {
    try {
      const about = JSON.parse(await readFile(this.#file(key, 'json'), 'utf8')) as Record<string, unknown>;
      if (typeof about['reason'] === 'string') return { reason: about['reason'] };
      const png = await readFile(this.#file(key, 'png'));
      return { ...(about as unknown as Exclude<PreviewAnswer, { reason: string }>), png };
    } catch {
      // Not made yet, or swept away: it is made again.
      return null;
    }
  }

  /** A preview that cannot be kept is shown all the same. */
  async #keep(key: string, answer: PreviewAnswer): Promise<void> {
    try {
      await mkdir(join(this.#cacheFolder, key.slice(0, 2)), { recursive: true, mode: 0o700 });
      if ('reason' in answer) return await this.#write(key, 'json', JSON.stringify(answer));
      const { png, ...about } = answer;
      await this.#write(key, 'png', png);
      await this.#write(key, 'json', JSON.stringify(about));
    } catch (error) {
      this.#log.warn({ error: describeError(error) }, 'a preview could not be kept');
    }
  }

  async #write(key: string, ending: string, data: string | Buffer): Promise<void> {
    const file = this.#file(key, ending);
    await writeFile(`${file}.${process.pid}`, data, { mode: 0o600 });
    await rename(`${file}.${process.pid}`, file);
  }

  #file(key: string, ending: string): string {
    return join(this.#cacheFolder, key.slice(0, 2), `${key}.${ending}`);
  }
}

/** Memory of a process that is really in use, in bytes; 0 where it cannot be told. */
function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096;
  } catch {
    return 0;
  }
}
