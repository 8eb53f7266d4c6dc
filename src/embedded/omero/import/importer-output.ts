import { writeSync } from 'node:fs';

type Level = 'INFO' | 'WARN' | 'ERROR';

/** The importer's two streams: results on stdout, its log and the summary on stderr, in the form of the Java importer. */
export class ImporterOutput {
  readonly #started = Date.now();
  readonly #format: 'ids' | 'yaml';

  constructor(format: 'ids' | 'yaml') {
    this.#format = format;
  }

  log(level: Level, logger: string, message: string): void {
    const now = new Date();
    const date = [now.getFullYear(), pad(now.getMonth() + 1, 2), pad(now.getDate(), 2)].join('-');
    const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map((n) => pad(n, 2)).join(':');
    const elapsed = String(now.getTime() - this.#started).padEnd(10);
    const head = `${date} ${time},${pad(now.getMilliseconds(), 3)} ${elapsed} [      main] ${level.padEnd(6)}`;
    write(2, `${head} ${logger.slice(-40).padStart(40)}  - ${message}\n`);
  }

  event(name: string, text: string): void {
    this.log('INFO', 'ome.formats.importer.cli.LoggingImportMonitor', `${name} ${text}`);
  }

  /** A file that was not imported, with the reason where the importer has its stack trace. */
  failed(kind: 'FILE_EXCEPTION' | 'INTERNAL_EXCEPTION' | 'UNKNOWN_FORMAT', file: string, reason: string): void {
    const exception =
      kind === 'UNKNOWN_FORMAT' ? 'loci.formats.UnknownFormatException' : 'loci.formats.FormatException';
    const oneLine = reason.replaceAll(/\s+/g, ' ');
    this.log('ERROR', 'ome.formats.importer.cli.ErrorHandler', `${kind}: ${file}\n${exception}: ${oneLine}`);
  }

  /** One fileset: its images, or the plate that they are on. */
  imported(
    file: string,
    filesetId: number,
    objects: { readonly type: 'Image' | 'Plate'; readonly ids: readonly number[] },
  ): void {
    this.event('IMPORT_DONE', `Imported file: ${file}`);
    const ids = objects.ids.join(',');
    const text =
      this.#format === 'ids'
        ? `${objects.type}:${ids}\n`
        : `---\n- Fileset: ${filesetId}\n  ${objects.type}: [${ids}]\n`;
    write(1, text);
  }

  summary(counts: { files: number; filesets: number; images: number; errors: number }): void {
    const { files, filesets, images, errors } = counts;
    const elapsed = Date.now() - this.#started;
    const [hours, minutes, seconds] = [3_600_000, 60_000, 1_000].map(
      (ms, i) => Math.floor(elapsed / ms) % (i ? 60 : 1e9),
    );
    const took = `${hours}:${pad(minutes ?? 0, 2)}:${pad(seconds ?? 0, 2)}.${pad(elapsed % 1000, 3)}`;
    const parts = [
      `${files} ${plural(files, 'file')} uploaded`,
      `${filesets} ${plural(filesets, 'fileset')} created`,
      `${images} ${plural(images, 'image')} imported`,
      `${errors} ${plural(errors, 'error')} in ${took}`,
    ];
    write(2, `\n==> Summary\n${parts.join(', ')}\n`);
  }

  plain(text: string): void {
    write(2, `${text}\n`);
  }
}

/** At once, so that a reader sees results as they come even when we are killed in the next moment. */
function write(descriptor: 1 | 2, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      // A full pipe whose reader is slow.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}
