import { basename } from 'node:path';
import type { OmeroConfig } from '../../config/config.ts';

export interface ImportArguments {
  readonly omero: Pick<OmeroConfig, 'host' | 'port' | 'transport'>;
  readonly sessionKey: string;
  readonly destination: { readonly type: 'Dataset' | 'Screen'; readonly id: number };
  /** Link the files where they lie, which is what absent means, or copy their bytes to the server. */
  readonly transfer?: 'ln_s' | 'upload';
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

/** Arguments after the command: many files from stdin, going on after a file that fails. */
export function importArguments(o: ImportArguments, java: boolean): string[] {
  const { host, port, transport } = o.omero;
  return [
    '-s',
    transport === 'tcp' ? `tcp://${host}` : host,
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
    o.transfer ?? 'ln_s',
    ...(o.parallelUpload === null ? [] : ['--parallel-upload', String(o.parallelUpload)]),
    ...(o.parallelFilesets === null ? [] : ['--parallel-fileset', String(o.parallelFilesets)]),
    // Without it Java's importer moves to another, unencrypted router after signing in.
    ...(java ? ['--encrypted=true'] : []),
    '-',
  ];
}

/**
 * What Java is told about each run, before the command's own options: those come later and win. Its temporary files and
 * the home folder in which OMERO's client keeps sessions are the run's; its log goes to stderr, as without a
 * configuration it would go to stdout among the ids; and no file in the shared temporary folder shows its arguments.
 */
export function javaOptions(o: { folder: string; memory: string | null }): string[] {
  return [
    ...(o.memory === null ? [] : [`-Xmx${o.memory}`]),
    '-XX:-UsePerfData',
    '-Djava.awt.headless=true',
    '-Dfile.encoding=UTF-8',
    `-Djava.io.tmpdir=${o.folder}/tmp`,
    `-Duser.home=${o.folder}`,
    `-Dlogback.configurationFile=${o.folder}/logback.xml`,
  ];
}

/** The importer's log on stderr, each record beginning with its date. */
export const logbackConfiguration = `<configuration>
  <appender name="stderr" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target>
    <encoder><pattern>%date %-10.10relative [%10.10thread] %-6.6level %40.40logger - %msg%n</pattern></encoder>
  </appender>
  <logger name="ome" level="INFO"/>
  <root level="WARN"><appender-ref ref="stderr"/></root>
</configuration>
`;

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
