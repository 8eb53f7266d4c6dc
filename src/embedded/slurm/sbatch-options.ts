import { optionTable, parseOptions, UsageError } from './options.ts';
import { parseTimeLimit } from './times.ts';

/** Options of `sbatch` that are understood; most ask for what one machine has anyway, and are taken as they are. */
export const sbatchOptions = optionTable(`
  account|A= acctg-freq= array|a= batch= bb= bbf= begin|b= bell chdir|D= clusters|M= cluster-constraint= comment= constraint|C=
  container= contiguous core-spec|S= cores-per-socket= cpu-freq= cpus-per-gpu= cpus-per-task|c= deadline= delay-boot=
  dependency|d= distribution|m= error|e= exclude|x= exclusive=? export= export-file=? extra-node-info|B= get-user-env=?
  gid= gpu-bind= gpu-freq= gpus|G= gpus-per-node= gpus-per-socket= gpus-per-task= gres= gres-flags= hint= hold|H
  ignore-pbs input|i= job-name|J= kill-on-invalid-dep= licenses|L= mail-type= mail-user= mcs-label= mem= mem-bind=
  mem-per-cpu= mem-per-gpu= mincpus= network= nice=? no-bell no-kill|k=? no-requeue nodefile|F= nodelist|w= nodes|N=
  ntasks|n= ntasks-per-core= ntasks-per-gpu= ntasks-per-node= ntasks-per-socket= open-mode= output|o= overcommit|O
  oversubscribe|s parsable partition|p= power= prefer= priority= profile= propagate=? qos|q= quiet|Q reboot requeue
  reservation= signal= sockets-per-node= spread-job switches= test-only thread-spec= threads-per-core= time|t= time-min=
  tmp= tres-per-task= uid= use-min-nodes verbose|v version|V wait|W wait-all-nodes= wckey= wrap= help|h usage`);

export interface SbatchRequest {
  name: string | null;
  output: string | null;
  error: string | null;
  chdir: string | null;
  wrap: string | null;
  parsable: boolean;
  quiet: boolean;
  hold: boolean;
  comment: string;
  partition: string | null;
  account: string | null;
  openMode: 'append' | 'truncate' | null;
  cpusPerTask: number;
  tasks: number;
  timeLimitMinutes: number | null;
  exports: string;
  array: string | null;
  rest: string[];
}

/** A refusal before submission: text after `sbatch: error: `, exit code as of Slurm's own. */
export class SbatchError extends Error {
  readonly code: number;
  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

/** What of a command line names the script: `-` for standard input, null with `--wrap` or an unreadable command line. */
export function findScript(argv: readonly string[]): string | null {
  try {
    const { options, rest } = parseOptions(argv, sbatchOptions, true);
    return options.some(([name]) => ['wrap', 'version', 'help', 'usage'].includes(name)) ? null : (rest[0] ?? '-');
  } catch (error) {
    if (error instanceof UsageError) return null;
    throw error;
  }
}

/** Options of `#SBATCH` lines: those before the script's first command. */
export function scriptOptions(script: string): string[] {
  const words: string[] = [];
  for (const line of script.split('\n')) {
    const directive = /^#SBATCH\s+(.*)$/.exec(line);
    if (directive) words.push(...splitWords(directive[1] ?? ''));
    else if (line.trim() !== '' && !line.trimStart().startsWith('#')) break;
  }
  return words;
}

/** The request that a script's options and, winning over them, those of the command line make. */
export function readRequest(argv: readonly string[], script: string): SbatchRequest {
  const command = parseOptions(argv, sbatchOptions, true);
  const request: SbatchRequest = {
    name: null,
    output: null,
    error: null,
    chdir: null,
    wrap: null,
    parsable: false,
    quiet: false,
    hold: false,
    comment: '',
    partition: null,
    account: null,
    openMode: null,
    cpusPerTask: 1,
    tasks: 1,
    timeLimitMinutes: null,
    exports: 'ALL',
    array: null,
    rest: command.rest,
  };
  for (const [name, value] of [...parseOptions(scriptOptions(script), sbatchOptions).options, ...command.options])
    setters[name]?.(request, value);
  return request;
}

type Setter = (request: SbatchRequest, value: string) => void;

const setters: Readonly<Record<string, Setter>> = {
  'job-name': (r, v) => (r.name = v),
  output: (r, v) => (r.output = v),
  error: (r, v) => (r.error = v),
  chdir: (r, v) => (r.chdir = v),
  wrap: (r, v) => (r.wrap = v),
  parsable: (r) => (r.parsable = true),
  quiet: (r) => (r.quiet = true),
  hold: (r) => (r.hold = true),
  comment: (r, v) => (r.comment = v),
  partition: (r, v) => (r.partition = v),
  account: (r, v) => (r.account = v),
  'open-mode': (r, v) => {
    if (!/^[at]/.test(v)) throw new SbatchError('Invalid --open-mode specification', 255);
    r.openMode = v.startsWith('a') ? 'append' : 'truncate';
  },
  'cpus-per-task': (r, v) => (r.cpusPerTask = count(v, 'cpus-per-task')),
  ntasks: (r, v) => (r.tasks = count(v, 'ntasks')),
  time: (r, v) => {
    const limit = parseTimeLimit(v);
    if (limit === undefined) throw new SbatchError('Invalid --time specification', 255);
    r.timeLimitMinutes = limit;
  },
  mem: (_, v) => {
    if (!/^\d+[KMGT]?B?$/i.test(v)) throw new SbatchError('Invalid --mem specification', 255);
  },
  export: (r, v) => (r.exports = v),
  array: (r, v) => (r.array = v),
  // Taking these and not doing them would run a job when it must not run.
  dependency: () => unsupported('--dependency'),
  begin: () => unsupported('--begin'),
  wait: () => unsupported('--wait'),
  'test-only': () => unsupported('--test-only'),
};

function unsupported(option: string): never {
  throw new SbatchError(`${option} is not supported by the embedded Slurm`, 1);
}

function count(text: string, option: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new SbatchError(`Invalid numeric value "${text}" for --${option}.`, 255);
  return Number(text);
}

/** Words of a line, with quotes and backslashes as in a shell, up to a comment. */
function splitWords(line: string): string[] {
  const words: string[] = [];
  const pattern = /\s*(?:#.*$|((?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])+))/gy;
  for (let match = pattern.exec(line); match; match = pattern.exec(line)) {
    if (match[1] === undefined) break;
    words.push(
      match[1].replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g, (_, double?: string, single?: string, one?: string) =>
        double !== undefined ? double.replace(/\\(.)/g, '$1') : (single ?? one ?? ''),
      ),
    );
  }
  return words;
}
