import { parseTarget, type Target } from './target.ts';
import { UsageError } from './usage-error.ts';

export interface ImportArguments {
  readonly host: string;
  readonly port: number;
  readonly transport: 'tcp' | 'ssl';
  readonly key: string;
  /** Null: images stay without a container. */
  readonly target: Target | null;
  /** Files are linked, or copied into the managed repository. */
  readonly transfer: 'ln_s' | 'upload';
  /** Goes on after a file that fails, and exits 0 then. */
  readonly continueOnError: boolean;
  readonly output: 'ids' | 'yaml';
  /** Name of the images instead of their files' names. */
  readonly name: string | null;
  readonly paths: readonly string[];
  /** `-` was given: paths come one per line. */
  readonly readsStdin: boolean;
}

/** Options that take a value, by all their names. Those that map to '' are understood and make no difference here. */
const valued: Readonly<Record<string, string>> = {
  '-s': 'host',
  '--server': 'host',
  '-p': 'port',
  '--port': 'port',
  '-k': 'key',
  '--key': 'key',
  '-d': 'dataset',
  '-r': 'screen',
  '-T': 'target',
  '--target': 'target',
  '--output': 'output',
  '--transfer': 'transfer',
  '-n': 'name',
  '--name': 'name',
  '--skip': 'skip',
  '--checksum-algorithm': 'checksum',
  '--parallel-upload': '',
  '--parallel-fileset': '',
  '--encrypted': '',
  '--depth': '',
  '--logback': '',
  '--clientdir': '',
};
const flags = new Set(['--no-thumbnails', '--no-stats-info', '--no-upgrade-check', '--quiet', '-C']);
const skips = new Set(['all', 'checksum', 'minmax', 'thumbnails', 'upgrade']);

/** Reads the arguments of `omero import` as that command and the Java importer behind it take them. */
export function parseArguments(argv: readonly string[]): ImportArguments {
  const given = new Map<string, string[]>();
  const paths: string[] = [];
  let continueOnError = false;
  const list = argv[0] === 'import' ? argv.slice(1) : [...argv];
  for (let at = 0; at < list.length; at++) {
    const part = list[at] ?? '';
    const equals = part.startsWith('--') ? part.indexOf('=') : -1;
    const option = equals < 0 ? part : part.slice(0, equals);
    const meaning = Object.hasOwn(valued, option) ? valued[option] : undefined;
    if (meaning !== undefined) {
      const value = equals < 0 ? list[++at] : part.slice(equals + 1);
      if (value === undefined) throw new UsageError(`${option} needs a value`);
      given.set(meaning, [...(given.get(meaning) ?? []), value]);
    } else if (part === '-c' || part === '--continue') continueOnError = true;
    else if (part === '-' || !part.startsWith('-')) paths.push(part);
    else if (!flags.has(part)) throw new UsageError(`the option ${option} is not supported`);
  }
  const one = (name: string): string | null => {
    const values = given.get(name) ?? [];
    if (values.length > 1) throw new UsageError(`${name} is given ${values.length} times`);
    return values[0] ?? null;
  };
  checkSkips(given.get('skip') ?? [], one('checksum'));
  const transfer = one('transfer') ?? 'upload';
  if (transfer !== 'ln_s' && transfer !== 'upload')
    throw new UsageError(`the transfer ${transfer} is not supported: only ln_s, in place, and upload`);
  const output = one('output') ?? 'ids';
  if (output !== 'ids' && output !== 'yaml') throw new UsageError(`the output ${output} is not supported`);
  const key = one('key');
  if (key === null) throw new UsageError('a session key (-k) is needed');
  return {
    ...address(one('host') ?? 'localhost', one('port') ?? '4064'),
    key,
    target: parseTarget({ dataset: one('dataset'), screen: one('screen'), target: one('target') }),
    transfer,
    continueOnError,
    output,
    name: one('name'),
    paths: paths.filter((path) => path !== '-'),
    readsStdin: paths.includes('-'),
  };
}

function address(host: string, port: string): Pick<ImportArguments, 'host' | 'port' | 'transport'> {
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) throw new UsageError(`no port: ${port}`);
  const [, scheme, name] = /^(?:(tcp|ssl):\/\/)?([^/:@\s]+)$/.exec(host) ?? [];
  if (name === undefined) throw new UsageError(`no host: ${host}`);
  return { host: name, port: Number(port), transport: scheme === 'tcp' ? 'tcp' : 'ssl' };
}

function checkSkips(skip: readonly string[], checksum: string | null): void {
  const wrong = skip.find((s) => !skips.has(s));
  if (wrong !== undefined) throw new UsageError(`--skip ${wrong} is not known`);
  if (checksum !== null && skip.some((s) => s === 'all' || s === 'checksum'))
    throw new UsageError('the checksum algorithm is given twice');
}
