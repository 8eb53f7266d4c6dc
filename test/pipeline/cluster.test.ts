import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterSite } from '../support/cluster-site.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { slurmIsInstalled } from '../support/slurm-cluster.ts';
import { sshIsInstalled } from '../support/ssh-server.ts';

/*
 * The main job on a cluster as sites have them: a real Slurm, reached through the real OpenSSH client only. Two workers
 * share the work.
 */
describeWithPart('Slurm', slurmIsInstalled && sshIsInstalled, 'runs on a real Slurm through OpenSSH', () => {
  let site: ClusterSite;
  let dataset = 0;
  const names = ['plain.tif', "it's $HOME; 1.tif", 'ü.tif', 'plain.tif'];

  beforeAll(async () => {
    site = await ClusterSite.open({
      copy: 'cp "$DATA_PATH"/data/in/* "$DATA_PATH/data/out/"; printf "%s" "$TEXT" >"$DATA_PATH/data/out/text.bin"',
    });
    await site.start('worker', 'importer');
    await site.start('worker');
    dataset = await site.dataset(names);
  }, 120_000);
  afterAll(() => site?.close(), 60_000);

  test('a dataset goes to the cluster, and its results come home into OMERO', async () => {
    const text = 'a \'b\' "c" $(id) `id` \\ \n\t ü🜁 ';
    const id = await site.launch('copy', dataset, { text });
    const view = await site.ended(id);
    expect(view).toMatchObject({ state: 'done', group: 'annotate', user: 'alice' });
    const results = join(view.archive?.path ?? '', `${view.jobId}_out`, 'data', 'out');
    expect(readFileSync(join(results, 'text.bin'), 'utf8')).toBe(text);
    expect(view.results.filter((r) => r.import === 'imported').map((r) => r.path.split('/').at(-1))).toHaveLength(4);
    for (const [index, name] of ['plain.tif', "it's $HOME; 1.tif", 'ü.tif'].entries())
      expect(
        readFileSync(join(results, name)).equals(
          readFileSync(join(site.folder, 'storage', 'annotate', `input-${index}`, name)),
        ),
      ).toBe(true);
    execFileSync('sha256sum', ['-c', '--strict', '--quiet', 'manifest-sha256.txt'], { cwd: view.archive?.path });
    expect(existsSync(join(site.home, `omero-${view.jobId}.log`))).toBe(true);
  });
});
