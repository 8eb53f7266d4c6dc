import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeWithPart } from '../../test/support/optional-part.ts';
import { archiveOptions, makeResults } from '../../test/support/results.ts';
import { packageFile } from '../lib/package-root.ts';
import { archiveResults } from './archive.ts';
import { provenanceName, writeProvenance, type Provenance } from './provenance.ts';
import { readProvenance } from './read-provenance.ts';

const full: Partial<Provenance> = {
  userId: 5,
  groupId: 3,
  workflowTaskId: '0b0ef5a4-6a4e-4bb9-a4d0-0e6c74b07ee8',
  repository: 'https://github.com/some-lab/W_Nuclei/tree/v1.0.0',
  container: 'w_nuclei_v1.0.0.sif',
  cluster: 'hpc',
  node: 'n7',
};

async function newCrate(change: Partial<Provenance>): Promise<{ path: string; provenance: Provenance }> {
  const files = { 'ü %/a b.tif': 'x', 'cells.zarr/0/0': 'x', 'cells.zarr/.zgroup': '{}', 'table.csv': 'a\n1\n' };
  const options = archiveOptions(await makeResults(files));
  const provenance = { ...options.provenance, ...change };
  return { path: (await archiveResults({ ...options, provenance })).path, provenance };
}

test('what is written is read again, with and without the optional facts', async () => {
  for (const change of [full, {}]) {
    const { path, provenance } = await newCrate(change);
    const { repository, container, cluster, node, ...kept } = provenance;
    expect(readProvenance(await readFile(join(path, provenanceName), 'utf8'))).toEqual(kept);
    expect([repository, container, cluster, node].filter(Boolean)).toHaveLength(Object.keys(change).length ? 4 : 0);
  }
});

test('what is no provenance of ours says what is missing', () => {
  expect(() => readProvenance('{')).toThrow();
  expect(() => readProvenance('{"@graph": []}')).toThrow('no Slurm job');
  const { provenance } = archiveOptions({ group: '/g' } as Parameters<typeof archiveOptions>[0]);
  const text = writeProvenance({ ...provenance, workflow: '' }, [], new Date());
  expect(() => readProvenance(text)).toThrow('no workflow');
});

const python = process.env['BIOMERO_PYTHON'] ?? '/opt/biomero-peers/bin/python';
const installed = existsSync(join(python, '..', 'rocrate-validator'));

describeWithPart('Python peers', installed, 'RO-Crates judged by the validator of their community', () => {
  test('an archive is a valid Process Run Crate', async () => {
    const { path } = await newCrate(full);
    const script = packageFile('test', 'interop', 'validate_crate.py');
    const report = JSON.parse(execFileSync(python, [script, path], { stdio: ['ignore', 'pipe', 'ignore'] }).toString());
    expect(report.checks).toBeGreaterThan(90);
    expect(report.issues.filter((issue: string) => !issue.startsWith('RECOMMENDED'))).toEqual([]);
    // What is left of the recommendations asks for web addresses of people, groups and of this product.
    expect(report.issues.map((issue: string) => issue.split(':')[0]?.split(' ')[1]).sort()).toEqual([
      'process-run-crate-0.5_3.2',
      'process-run-crate-0.5_5.1',
      'ro-crate-1.1_31.2',
    ]);
  }, 180_000);
});
