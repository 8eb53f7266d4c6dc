import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bridgeError, describeError } from '../../domain/errors.ts';

/** The full log of one import process, readable by us alone, in which secrets stand as `***`. */
export class LogFile {
  readonly #stream: WriteStream;
  readonly #secrets: readonly string[];
  #error: Error | null = null;

  private constructor(stream: WriteStream, secrets: readonly string[]) {
    this.#stream = stream;
    this.#secrets = secrets.filter((s) => s !== '');
    // A full disk must not end an import under way: the log stays short, and `close` says so.
    stream.on('error', (error) => (this.#error ??= error));
  }

  /** Opens a log to append to, mode 0600, with its folder. Throws IMPORT_LOG_NOT_WRITABLE. */
  static async open(path: string, secrets: readonly string[]): Promise<LogFile> {
    try {
      await mkdir(dirname(path), { recursive: true });
      const stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
      await new Promise<void>((resolve, reject) => {
        stream.once('open', () => resolve());
        stream.once('error', reject);
      });
      return new LogFile(stream, secrets);
    } catch (cause) {
      throw bridgeError('IMPORT_LOG_NOT_WRITABLE', { path, reason: describeError(cause) }, { cause });
    }
  }

  redact(text: string): string {
    return this.#secrets.reduce((redacted, secret) => redacted.replaceAll(secret, '***'), text);
  }

  line(text: string): void {
    if (!this.#error) this.#stream.write(`${this.redact(text)}\n`);
  }

  /** Waits until all is written; the error that cut the log short, or null. */
  async close(): Promise<Error | null> {
    if (!this.#error) await new Promise<void>((resolve) => this.#stream.end(() => resolve()));
    return this.#error;
  }
}
