import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { packageFile } from '../lib/package-root.ts';
import { environmentFile } from '../slurm/sbatch-arguments.ts';
import { checkParameters, guessValue } from './check-parameters.ts';
import { containerFile } from './descriptor.ts';
import { jobScript } from './job-script.ts';
import { readDescriptor } from './read-descriptor.ts';

const biaflows = `{
	"name": "NucleiSegmentation",
	"description": "",
	"schema-version": "cytomine-0.1",
	"container-image": { "image": "torecluik/w_nuclei", "type": "singularity" },
	"command-line": "python wrapper.py CYTOMINE_HOST",
	"inputs": [
		{ "id": "cytomine_host", "type": "String", "value-key": "@ID", "command-line-flag": "--@id" },
		{ "id": "nuc_channel", "value-key": "@ID", "command-line-flag": "--@id", "name": "Nuclei channel",
		  "set-by-server": false, "optional": true, "default-value": 0, "type": "Number" },
		{ "id": "prob_threshold", "command-line-flag": "--@id", "default-value": 1.0, "type": "Number", "maximum": 2 },
		{ "id": "cp_model", "command-line-flag": "--@id", "default-value": "nuclei", "type": "String",
		  "value-choices": ["nuclei", "cyto"] },
		{ "id": "use_gpu", "command-line-flag": "--@id", "default-value": false, "type": "Boolean" },
		{ "id": "job", "set-by-server": true, "type": "Number" }
	]
}`;

const bilayers = `
citations:
  algorithm:
    - name: Instanseg
      description: Segments cells
docker_image: { org: bilayer, name: instanseg, tag: 1.0.2, platform: linux/amd64 }
algorithm_folder_name: instanseg_inference
exec_function:
  cli_command: instanseg
  hidden_args:
    - { cli_tag: --quiet, value: "True", append_value: false, cli_order: 3 }
inputs:
  - { name: dir, type: image, cli_tag: --image_path, optional: false }
outputs:
  - { name: out, type: image, cli_tag: None, optional: true }
parameters:
  - { name: model, type: radio, label: Model, default: a, cli_tag: "--model=", optional: false,
      options: [{ label: A, value: a }, { label: B, value: b }] }
  - { name: normalize, type: checkbox, default: true, cli_tag: --normalize, append_value: false, optional: true }
  - { name: pixel_size, type: float, default: 0.5, cli_tag: "--pixel_size=", optional: true }
  - { name: save_dir, type: textbox, default: /out, cli_tag: "--save_dir=", output_dir_set: true }
`;

describe('descriptors', () => {
  test('BIAFLOWS: types by the form of the default, its own inputs and those of the server left out', () => {
    const found = readDescriptor(biaflows, 'here');
    expect(found.parameters.map((p) => [p.id, p.type, p.default, p.optional, p.flag])).toEqual([
      ['nuc_channel', 'integer', 0, true, '--nuc_channel'],
      ['prob_threshold', 'float', 1, false, '--prob_threshold'],
      ['cp_model', 'string', 'nuclei', false, '--cp_model'],
      ['use_gpu', 'boolean', false, false, '--use_gpu'],
    ]);
    expect(containerFile(found.image, 'v1.0.0')).toBe('w_nuclei_v1.0.0.sif');
    expect(containerFile('ghcr.io/org/name', 'v1')).toBe('name_v1.sif');
  });

  test('bilayers: folders are arguments, a switch stands alone', () => {
    const found = readDescriptor(bilayers, 'here');
    expect(found).toMatchObject({ form: 'bilayers', name: 'Instanseg', image: 'bilayer/instanseg', version: '1.0.2' });
    expect(found.parameters.map((p) => [p.id, p.type, p.style, p.flag])).toEqual([
      ['model', 'string', 'value', '--model'],
      ['normalize', 'boolean', 'switch', '--normalize'],
      ['pixel_size', 'float', 'value', '--pixel_size'],
    ]);
    expect(found.fixed).toEqual([
      { kind: 'folder', flag: '--image_path', folder: 'in' },
      { kind: 'folder', flag: '--save_dir', folder: 'out' },
      { kind: 'word', word: '--quiet' },
    ]);
  });

  test("the sample workflow's own", async () => {
    const path = packageFile('workflows', 'nuclei', 'descriptor.json');
    const found = readDescriptor(await readFile(path, 'utf8'), path);
    expect(found).toMatchObject({ form: 'biomero', version: '1.0.0', image: null });
    expect(checkParameters(found, { diameter: '12.5' })).toEqual({
      diameter: 12.5,
      min_area: 0,
      threshold: 'otsu',
      channel: 'auto',
    });
  });

  test.each([
    ['{', 'Flow'],
    ['[]', 'not an object'],
    ['{"a": 1}', 'none of the known forms'],
    ['{"cwlVersion": "1"}', 'CWL'],
    [biaflows.replace('"inputs"', '"outputs"'), 'inputs'],
    [biaflows.replace('nuc_channel', 'data_path'), '"data_path" has a meaning of its own'],
    [biaflows.replace('nuc_channel', 'a-b'), 'letters, digits'],
    [biaflows.replace('cp_model', 'USE_GPU'), 'two parameters'],
    [biaflows.replace('"default-value": 0', '"default-value": "x"'), 'not of type integer'],
  ])('an unusable one is refused with the reason', (text, reason) => {
    expect(() => readDescriptor(text, '/x/descriptor.json')).toThrow(reason);
    expect(() => readDescriptor(text, '/x/descriptor.json')).toThrow('/x/descriptor.json');
  });
});

describe('parameters', () => {
  const descriptor = readDescriptor(biaflows, 'here');

  test('are typed, and what is not given has its default', () => {
    expect(checkParameters(descriptor, { nuc_channel: '3', use_gpu: 'Yes', prob_threshold: '.5' })).toEqual({
      nuc_channel: 3,
      prob_threshold: 0.5,
      cp_model: 'nuclei',
      use_gpu: true,
    });
    expect(checkParameters(descriptor, { nuc_channel: '' })['nuc_channel']).toBeNull();
  });

  test.each([
    [{ nuc_channel: '1.5' }, 'nuc_channel: "1.5" is not an integer'],
    [{ nuc_channel: '9007199254740993' }, 'is not an integer'],
    [{ prob_threshold: 'high' }, 'is not a number'],
    [{ prob_threshold: '2.1' }, 'above the maximum of 2'],
    [{ prob_threshold: null }, 'it needs a value'],
    [{ cp_model: 'tissue' }, '"tissue" is none of nuclei, cyto'],
    [{ use_gpu: 'maybe' }, 'is not a boolean'],
    [{ diameter: 1 }, 'no such parameter; it has nuc_channel, prob_threshold, cp_model, use_gpu'],
  ])('a wrong one is refused before anything is submitted: %j', (given, reason) => {
    expect(() => checkParameters(descriptor, given)).toThrow(reason);
  });

  test('text without a descriptor is taken for what it looks like', () => {
    expect(['1', '-1.5e3', 'true', 'null', '007', '1e', 'x', ''].map(guessValue)).toEqual([
      ...[1, -1500, true, null, '007', '1e', 'x', ''],
    ]);
  });
});

test('a generated job script hands any text to the program byte for byte, in either way of submission', async () => {
  const folder = await temporaryFolder('script');
  const data = join(folder, 'it is $HOME');
  for (const name of ['in', 'out', 'gt']) await mkdir(join(data, 'data', name), { recursive: true });
  await mkdir(join(folder, 'bin'));
  const runtime = join(folder, 'bin', 'apptainer');
  await writeFile(runtime, `#!/bin/sh\nprintf '%s\\0' "$@" >"$DATA_PATH/data/out/words"\n`);
  await chmod(runtime, 0o755);
  const script = join(folder, 'job.sh');
  await writeFile(script, jobScript('my wf', readDescriptor(biaflows, 'here'), false));
  const base = {
    PATH: `${folder}/bin:${process.env['PATH']}`,
    DATA_PATH: data,
    IMAGE_PATH: 'images',
    SINGULARITY_IMAGE: 'w.sif',
    NUC_CHANNEL: 'None',
    PROB_THRESHOLD: '0.5',
    USE_GPU: 'True',
    BIOMERO_BRIDGE_ENDED: join(folder, 'ended'),
    SLURM_JOB_ID: '7',
  };
  const file = join(folder, 'variables.sh');
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
      fc.boolean(),
      async (text, inFile) => {
        const env = { ...base, CP_MODEL: text };
        if (inFile) await writeFile(file, environmentFile(env));
        const { status, stdout, stderr } = spawnSync('bash', inFile ? [script, file] : [script], {
          env: inFile ? { PATH: base.PATH } : env,
          encoding: 'utf8',
        });
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        const words = (await readFile(join(data, 'data', 'out', 'words'), 'utf8')).split('\0');
        expect(words.slice(0, 4)).toEqual(['run', '--nv', 'images/w.sif', '--infolder']);
        expect(words.slice(-4)).toEqual(['--prob_threshold=0.5', `--cp_model=${text}`, '--use_gpu=True', '']);
        // BIOMERO's own expression finds the data path, and finds it once.
        const paths = [...stdout.matchAll(/Running [\w-]+? Job w\/ .+? \| .+? \| (.+?) \|.*/gi)].map((m) => m[1]);
        expect(paths).toEqual([data]);
      },
    ),
    { numRuns: 40 },
  );
  expect(await readFile(join(data, 'data', 'out.manifest'), 'utf8')).toMatch(/^\d+ words\0$/);
  expect((await readFile(join(folder, 'ended'), 'utf8')).split('\n')[0]).toBe('7');
});
