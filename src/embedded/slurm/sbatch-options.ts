import { parseOptions, type OptionNames } from './options.ts';

/** Options of sbatch that are known here. Those that the embedded cluster has no use for are accepted and change nothing. */
export const sbatchOptions: OptionNames = {
  values: {
    'job-name': 'J',
    output: 'o',
    error: 'e',
    time: 't',
    mem: null,
    'mem-per-cpu': null,
    'cpus-per-task': 'c',
    ntasks: 'n',
    nodes: 'N',
    partition: 'p',
    gres: null,
    gpus: 'G',
    export: null,
    comment: null,
    'mail-type': null,
    'mail-user': null,
    'open-mode': null,
    chdir: 'D',
    account: 'A',
    qos: 'q',
    constraint: 'C',
  },
  switches: { parsable: null, requeue: null, 'no-requeue': null, exclusive: null },
};

/** The script that a command line of sbatch names; null when it comes on standard input. */
export function scriptNameOf(argv: readonly string[]): string | null {
  return parseOptions(argv, sbatchOptions).rest[0] ?? null;
}
