export interface FileError {
  readonly file: string;
  readonly reason: string;
}

/** The importer's kinds of errors about a file, in words for when it gives none. */
const kinds: Readonly<Record<string, string>> = {
  FILE_EXCEPTION: 'the file could not be read',
  INTERNAL_EXCEPTION: 'the OMERO server could not import the file',
  UNKNOWN_FORMAT: 'the format is not known to Bio-Formats',
  UNREADABLE_FILE: 'the file could not be read',
  MISSING_LIBRARY: 'a library that the format needs is missing',
};
const errorLine = new RegExp(`\\b(${Object.keys(kinds).join('|')})\\b:?\\s*(.*)$`);
const importedLine = /\bIMPORT_DONE\s+Imported file:\s*(.+)$/;
const logLine = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}/;
const reasonLines = 6;

/** Reads the importer's stderr line by line: which files were imported, in order, and why others were not. */
export class ImporterLog {
  readonly imported: string[] = [];
  readonly #files: ReadonlySet<string>;
  readonly #reasons = new Map<string, string>();
  #open: { file: string; kind: string; lines: string[] } | null = null;

  constructor(files: Iterable<string>) {
    this.#files = new Set(files);
  }

  line(line: string): void {
    const imported = importedLine.exec(line)?.[1];
    if (imported !== undefined) {
      this.#close();
      this.imported.push(this.#fileIn(imported) ?? imported.trim());
      return;
    }
    const error = errorLine.exec(line);
    if (error) {
      this.#close();
      const [, kind = '', rest = ''] = error;
      const file = this.#fileIn(rest) ?? this.#fileIn(line);
      if (file !== null) this.#open = { file, kind, lines: [] };
      return;
    }
    if (logLine.test(line) || line.startsWith('==> ')) this.#close();
    // Of a stack trace only the exceptions' own lines say anything to people.
    else if (
      this.#open &&
      this.#open.lines.length < reasonLines &&
      !/^\s+(at|\.\.\.) /.test(line) &&
      line.trim() !== ''
    )
      this.#open.lines.push(line.trim());
  }

  /** Errors so far; the last reason of a file wins. */
  errors(): FileError[] {
    this.#close();
    return [...this.#reasons].map(([file, reason]) => ({ file, reason }));
  }

  #close(): void {
    const open = this.#open;
    this.#open = null;
    if (!open) return;
    const told = open.lines.join(' ').slice(0, 1000);
    const inWords = kinds[open.kind] ?? open.kind;
    this.#reasons.set(open.file, told === '' ? inWords : `${inWords}: ${told}`);
  }

  /** The one of our files that a text names; the longest, as one path may begin another. */
  #fileIn(text: string): string | null {
    const exact = text.trim();
    if (this.#files.has(exact)) return exact;
    let best: string | null = null;
    for (const file of this.#files) if (text.includes(file) && file.length > (best?.length ?? 0)) best = file;
    return best;
  }
}
