import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { ImporterLog, type FileError } from './importer-log.ts';
import type { LogFile } from './log-file.ts';
import { YamlBlocks, type FilesetBlock } from './yaml-blocks.ts';

export interface ImportedFileset extends FilesetBlock {
  /** The file that the importer names for the fileset; null when it named none. */
  file: string | null;
}

export interface OutputEvents {
  readonly onProgress?: ((fileset: ImportedFileset) => void) | undefined;
  /** The program itself has said something: it has read its arguments. */
  readonly onFirstLine?: () => void;
  readonly onLine?: (() => void) | undefined;
}

/** Java's launcher says this before it reads a file of arguments. */
const launcherNote = /^NOTE: Picked up /;
const tailBytes = 8_192;
/** The importer prints a block at once: after this silence it has no more lines. */
const blockQuietMs = 150;

/** Collects what the process says and pairs the n-th fileset of stdout with the n-th imported file of stderr. */
export class OutputReader {
  readonly #log: LogFile;
  readonly #on: OutputEvents;
  #spoke = false;
  readonly #blocks = new YamlBlocks();
  readonly #importer: ImporterLog;
  readonly #filesets: ImportedFileset[] = [];
  #told = 0;
  #tail = '';
  #quiet: NodeJS.Timeout | null = null;

  constructor(paths: readonly string[], log: LogFile, on: OutputEvents) {
    this.#log = log;
    this.#on = on;
    this.#importer = new ImporterLog(paths);
  }

  readStdout(stream: Readable | null): Promise<void> {
    return readLines(stream, (line) => {
      this.#heard(line);
      this.#log.line(line);
      this.#add(this.#blocks.line(line));
      if (this.#quiet) clearTimeout(this.#quiet);
      if (this.#blocks.isOpen) this.#quiet = setTimeout(() => this.#add(this.#blocks.end()), blockQuietMs);
    });
  }

  readStderr(stream: Readable | null): Promise<void> {
    return readLines(stream, (raw) => {
      this.#heard(raw);
      const line = this.#log.redact(raw);
      this.#log.line(line);
      this.#tail = `${this.#tail}${line}\n`.slice(-tailBytes);
      this.#importer.line(line);
      this.#tell();
    });
  }

  finish(): { filesets: ImportedFileset[]; errors: FileError[]; stderrTail: string } {
    if (this.#quiet) clearTimeout(this.#quiet);
    this.#add(this.#blocks.end());
    for (; this.#told < this.#filesets.length; this.#told++) this.#report();
    const imported = new Set(this.#importer.imported);
    const errors = this.#importer.errors().filter((e) => !imported.has(e.file));
    return { filesets: this.#filesets, errors, stderrTail: this.#tail };
  }

  #heard(line: string): void {
    this.#on.onLine?.();
    if (this.#spoke || launcherNote.test(line)) return;
    this.#spoke = true;
    this.#on.onFirstLine?.();
  }

  #add(block: FilesetBlock | null): void {
    if (block) this.#filesets.push({ ...block, file: null });
    this.#tell();
  }

  #tell(): void {
    const known = Math.min(this.#filesets.length, this.#importer.imported.length);
    for (; this.#told < known; this.#told++) this.#report();
  }

  #report(): void {
    const fileset = this.#filesets[this.#told];
    if (!fileset) return;
    fileset.file = this.#importer.imported[this.#told] ?? null;
    this.#on.onProgress?.(fileset);
  }
}

/** Calls back for every line; resolves at the end of the stream, also when it broke. */
async function readLines(stream: Readable | null, onLine: (line: string) => void): Promise<void> {
  if (!stream) return;
  const lines = createInterface({ input: stream, crlfDelay: Infinity });
  lines.on('line', onLine);
  stream.on('error', () => lines.close());
  stream.on('close', () => lines.close());
  await new Promise<void>((resolve) => lines.once('close', resolve));
}
