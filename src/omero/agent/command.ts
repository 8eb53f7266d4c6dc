import { basename } from 'node:path';
import type { OmeroConfig } from '../../config/config.ts';

export interface ImportArguments {
  readonly omero: Pick<OmeroConfig, 'host' | 'port' | 'transport'>;
  readonly sessionKey: string;
  readonly destination: { readonly type: 'Dataset' | 'Screen'; readonly id: number };
  /** `all`, `checksum`, `minmax`, `thumbnails`, `upgrade`. */
  readonly skip: readonly string[];
  readonly parallelUpload: number | null;
  readonly parallelFilesets: number | null;
}

/** What `omero import --skip` stands for; Java itself knows only these. */
const javaSkips: Readonly<Record<string, readonly string[]>> = {
  checksum: ['--checksum-algorithm=File-Size-64'],
  minmax: ['--no-stats-info'],
  thumbnails: ['--no-thumbnails'],
  upgrade: ['--no-upgrade-check'],
};

/** True when the command starts Java itself, which can take its arguments, the session key among them, from a file. */
export function startsJava(command: readonly string[]): boolean {
  return basename(command[0] ?? '') === 'java';
}

/** Arguments after the command: many files from stdin, linked in place, going on after a file that fails. */
export function importArguments(o: ImportArguments, java: boolean): string[] {
  const { host, port, transport } = o.omero;
  const tcp = transport === 'tcp' && !java;
  return [
    '-s',
    tcp ? `tcp://${host}` : host,
    '-p',
    String(port),
    '-k',
    o.sessionKey,
    ...(java ? javaSkipArguments(o.skip) : o.skip.flatMap((s) => ['--skip', s])),
    '-c',
    o.destination.type === 'Dataset' ? '-d' : '-r',
    String(o.destination.id),
    '--output',
    'yaml',
    '--transfer',
    'ln_s',
    ...(o.parallelUpload === null ? [] : ['--parallel-upload', String(o.parallelUpload)]),
    ...(o.parallelFilesets === null ? [] : ['--parallel-fileset', String(o.parallelFilesets)]),
    // Without it Java's importer moves its data to the unencrypted router after signing in.
    ...(java && transport === 'ssl' ? ['--encrypted=true'] : []),
    '-',
  ];
}

/** The text of a file for `java @file`: one quoted argument per line. */
export function argumentFile(args: readonly string[]): string {
  return args.map((a) => `"${a.replace(/[\\"]/g, (c) => `\\${c}`).replace(/\n/g, '\\n')}"\n`).join('');
}

function javaSkipArguments(skip: readonly string[]): string[] {
  const names = skip.includes('all') ? Object.keys(javaSkips) : skip;
  return names.flatMap((name) => javaSkips[name] ?? []);
}

/** Why a path cannot be given to the importer, which reads one trimmed path per line; null when it can. */
export function refusalOf(path: string): string | null {
  if (path === '') return 'the path is empty';
  if (/[\r\n]/.test(path)) return 'the name contains a line break, which the OMERO importer cannot take';
  // Java's trim: everything up to U+0020 at either end.
  // oxlint-disable-next-line no-control-regex
  if (/^[\u0000-\u0020]|[\u0000-\u0020]$/.test(path))
    return 'the name begins or ends with a blank, which the OMERO importer cannot take';
  return null;
}
