import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { readConfig } from '../../src/config/load.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

// The same files and variables, read by BIOMERO's own SlurmClient and by us.
const python = process.env['BIOMERO_PYTHON'] ?? 'python3';
const found = spawnSync(
  python,
  ['-c', 'import biomero.slurm_client, os, resources; print(list(resources.__path__)[0])'],
  {
    encoding: 'utf8',
  },
);

interface Case {
  ini: string;
  env: Record<string, string>;
}

type Arguments = Record<string, unknown>;

function byBiomero(cases: readonly Case[]): Arguments[] {
  const { stdout, stderr, status } = spawnSync(python, [packageFile('test', 'interop', 'slurm_config_peer.py')], {
    input: JSON.stringify(cases),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Arguments[];
}

async function byUs({ ini, env }: Case, folder: string): Promise<Arguments> {
  const file = join(folder, 'slurm-config.ini');
  await writeFile(file, ini);
  const { config, problems } = await readConfig({ ...env, HOME: folder, BIOMERO_BRIDGE_SLURM_CONFIG: file }, []);
  if (problems.some((p) => p.place !== 'environment' || p.found !== '')) return { refused: JSON.stringify(problems) };
  return argumentsOf(config);
}

/** Our configuration in BIOMERO's words. */
function argumentsOf({ slurm, tracking, databases }: Config): Arguments {
  const { submission } = slurm;
  const workflows = Object.values(slurm.workflows);
  const of = <T>(pick: (w: (typeof workflows)[number]) => T | null): Record<string, T> =>
    Object.fromEntries(workflows.flatMap((w) => (pick(w) === null ? [] : [[w.name, pick(w) as T]])));
  return {
    host: slurm.host,
    slurm_data_path: slurm.dataPath,
    slurm_images_path: slurm.imagesPath,
    slurm_script_path: slurm.scriptPath,
    slurm_converters_path: submission?.convertersPath,
    slurm_data_bind_path: submission?.dataBindPath,
    slurm_conversion_partition: submission?.conversionPartition,
    slurm_default_partition: slurm.defaultPartition,
    sacct_start_time: submission?.sacctStart,
    sacct_days_ago: submission?.sacctDaysAgo,
    env_file_submission: submission?.envFile,
    inject_gpu_flag: submission?.injectGpuFlag,
    gpu_partition: submission?.gpuPartition,
    gpu_gres: submission?.gpuGres,
    gpu_gpus: submission?.gpus,
    track_workflows: tracking.enabled,
    enable_job_accounting: tracking.jobAccounting,
    enable_job_progress: tracking.jobProgress,
    enable_workflow_analytics: tracking.workflowAnalytics,
    sqlalchemy_url: databases.runs,
    flags: new Set(Object.entries(slurm.sbatch).map(([name, value]) => ` --${name}=${value}`)),
    paths: of((w) => w.folder),
    repos: of((w) => w.repository),
    gpu: of((w) => (w.useGpu ? true : null)),
    jobFlags: of((w) => {
      const flags = Object.entries(w.flags).map(([name, value]) => ` --${name}=${value}`);
      return flags.length ? new Set(flags) : null;
    }),
  };
}

/** What we compare of BIOMERO's arguments. A job script that it does not know it takes for `jobs/<workflow>.sh` later. */
function comparable(theirs: Arguments): Arguments {
  const { slurm_global_job_params: flags, slurm_model_paths, slurm_model_repos, ...rest } = theirs;
  const use = Object.entries(theirs['slurm_model_use_gpu'] as Record<string, boolean>).filter(([, on]) => on);
  const jobs = Object.entries(theirs['slurm_model_jobs_params'] as Record<string, string[]>);
  const picked = Object.fromEntries(Object.keys(argumentsOf(empty)).map((key) => [key, rest[key]]));
  return {
    ...picked,
    sqlalchemy_url: String(rest['sqlalchemy_url'] ?? '').replace('+psycopg2', ''),
    flags: new Set(flags as string[]),
    paths: slurm_model_paths,
    repos: slurm_model_repos,
    gpu: Object.fromEntries(use),
    jobFlags: Object.fromEntries(jobs.filter(([, f]) => f.length).map(([name, f]) => [name, new Set(f)])),
  };
}

const empty = (await readConfig({ HOME: '/nowhere' }, [])).config;

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/);
const path = fc.oneof(
  word,
  fc.tuple(word, word).map((w) => w.join('/')),
  fc.constant('50%% of it'),
  fc.constant('ü b'),
);
const flag = fc.constantFrom('true', 'False', 'YES', 'off', '1', '0', 'on', 'No');
const [equals, comment] = [
  fc.constantFrom('=', ' = ', ':', ' : '),
  fc.constantFrom('', '# note = 1\n', '; note\n', '\n'),
];
const keys: Record<string, Record<string, fc.Arbitrary<string>>> = {
  SSH: { host: word },
  SLURM: {
    slurm_data_path: path,
    Slurm_Images_Path: path,
    slurm_script_path: fc.constant('%(root)s/scripts'),
    slurm_converters_path: path,
    slurm_data_bind_path: fc.oneof(path, fc.constant('')),
    slurm_conversion_partition: fc.constantFrom('cpu', ''),
    slurm_default_partition: fc.constantFrom('long', ''),
    sacct_start_time: fc.constantFrom('2024-02-03', ''),
    sacct_days_ago: fc.constantFrom('7', ''),
    env_file_submission: flag,
    inject_gpu_flag: flag,
    gpu_partition: fc.constantFrom('gpu', ''),
    gpu_gres: fc.constantFrom('gpu:1', ''),
    sbatch_account: word,
    sbatch_MEM: fc.constant('4G\n    '),
  },
  ANALYTICS: {
    track_workflows: flag,
    enable_job_accounting: flag,
    enable_job_progress: flag,
    enable_workflow_analytics: flag,
    sqlalchemy_url: fc.constant('postgresql+psycopg2://u@h/d'),
  },
};
const workflows = fc
  .uniqueArray(fc.constantFrom('cellpose', 'a_b', 'Star', 'x_job_y'), { maxLength: 3 })
  .chain((names) =>
    fc.tuple(
      ...names.map((name) =>
        fc
          .record({
            repo: fc.option(word),
            gpu: fc.option(flag),
            job: fc.boolean(),
            mem: fc.option(word),
            time: fc.option(word),
          })
          .map(({ repo, gpu, job, mem, time }) =>
            [
              // The name itself holds "_job_": BIOMERO takes it for a flag of a workflow that it does not know.
              ...(name.includes('_job_') ? [] : [`${name} = ${name}`]),
              ...(repo ? [`${name}_repo = https://example.org/${repo}`] : []),
              ...(gpu ? [`${name}_use_gpu : ${gpu}`] : []),
              ...(job ? [`${name}_job = jobs/${name}.sh`] : []),
              ...(job && mem ? [`${name}_job_mem = ${mem}`] : []),
              ...(job && time ? [`${name}_job_time-min=${time}`] : []),
            ].join('\n'),
          ),
      ),
    ),
  )
  .map((texts) => texts.join('\n'));

const section = (name: string): fc.Arbitrary<string> =>
  fc
    .tuple(
      ...Object.entries(keys[name] ?? {}).map(([key, value]) =>
        fc.option(fc.tuple(comment, equals, value).map(([c, eq, v]) => `${c}${key}${eq}${v}\n`)),
      ),
    )
    .map((lines) => `[${name}]\n${lines.filter((line) => line !== null).join('')}`);

const variables = fc.record(
  {
    BIOMERO_DEFAULT_PARTITION: word,
    BIOMERO_SACCT_START_TIME: fc.constant('2022-01-01'),
    BIOMERO_SACCT_START_DAYS_AGO: fc.constant('3'),
    BIOMERO_ENV_FILE_SUBMISSION: flag,
    BIOMERO_INJECT_GPU_FLAG: flag,
    BIOMERO_GPU_PARTITION: word,
    GPU_PARTITION: word,
    GPU_GRES: fc.constant('gpu:2'),
  },
  { requiredKeys: [] },
);

const cases = fc
  .record({
    parts: fc
      .shuffledSubarray(['SSH', 'SLURM', 'ANALYTICS'], { minLength: 1 })
      .chain((names) => fc.tuple(...names.map(section))),
    models: fc.option(workflows),
    workflows: fc.option(workflows),
    env: variables,
  })
  .map(({ parts, models, workflows: own, env }): Case => {
    const lists = [...(models === null ? [] : ['[MODELS]', models]), ...(own === null ? [] : ['[WORKFLOWS]', own])];
    // With workflows, BIOMERO would take what stands in DEFAULT for more of them.
    const defaults = lists.length ? '' : '[DEFAULT]\nroot = base\nsbatch_qos = low\n';
    const text = [defaults, ...parts, ...lists].join('\n');
    return { ini: lists.length ? text.replaceAll('%(root)s', 'base') : text, env };
  });

describeWithPart('Python peers', found.status === 0, 'slurm-config.ini and its variables', () => {
  test("mean the same to BIOMERO and to us, in BIOMERO's own sample too", async () => {
    const sample = readFileSync(join(found.stdout.trim(), 'slurm-config.ini'), 'utf8');
    const all = [{ ini: sample, env: {} }, ...fc.sample(cases, 400)];
    const theirs = byBiomero(all);
    expect(theirs.filter((t) => 'refused' in t)).toEqual([]);
    const folder = await temporaryFolder('slurm-config');
    for (const [i, one] of all.entries())
      expect(await byUs(one, folder), JSON.stringify(one)).toEqual(comparable(theirs[i] ?? {}));
  }, 120_000);

  test('what BIOMERO refuses is refused, or told by `config check`', async () => {
    const refused = [
      '[SLURM]\na = 1\na = 2\n',
      '[SLURM]\n[SLURM]\n',
      'a = 1\n',
      '[ANALYTICS]\ntrack_workflows = maybe\n',
    ];
    const theirs = byBiomero(refused.map((ini) => ({ ini, env: {} })));
    const folder = await temporaryFolder('slurm-config');
    for (const [i, ini] of refused.entries()) {
      expect(theirs[i], ini).toHaveProperty('refused');
      expect(await byUs({ ini, env: {} }, folder), ini).toHaveProperty('refused');
    }
  });
});
