import { afterAll, expect, test } from 'vitest';
import { QuickStartFolder } from '../support/quick-start.ts';

const folder = new QuickStartFolder();
afterAll(() => folder.remove());

test('without tracking the whole job is done from our own tables, and BIOMERO’s log is not even made', async () => {
  folder.configure(
    'slurm-config.ini',
    `[SLURM]
slurm_data_path = my-scratch/data
slurm_script_path = slurm-scripts
[ANALYTICS]
track_workflows = False
[WORKFLOWS]
nuclei = nuclei
nuclei_job = jobs/nuclei.sh
`,
  );
  const started = folder.start();
  const db = await folder.until(started, () => folder.connect('biomero'));
  try {
    const run = await folder.until(started, async () => {
      const { rows } = await db.query<{ status: string; outcome: string; imported: boolean; annotated: boolean }>(
        `select status, outcome, images_confirmed_at is not null as imported, annotated_at is not null as annotated
         from bridge.runs where ended_at is not null`,
      );
      return rows[0];
    });
    expect(run).toEqual({ status: 'DONE', outcome: 'done', imported: true, annotated: true });
    const { rows: tables } = await db.query(
      `select relname from pg_class where relname ~ '^(workflowtracker_|biomero_)' and relkind = 'r'`,
    );
    expect(tables).toEqual([]);
    // The pages know as much of the run as ever: they read our tables.
    const [, address = '', token = ''] = /(http:\/\/\S+)\/\?token=(\S+)/.exec(started.output()) ?? [];
    const signIn = await fetch(`${address}/?token=${token}`, { redirect: 'manual' });
    const cookie = signIn.headers.get('set-cookie')?.split(';')[0] ?? '';
    const list = (await (await fetch(`${address}/api/runs`, { headers: { cookie } })).json()) as { runs: object[] };
    expect(list.runs).toMatchObject([{ state: 'done', archiveSafe: true, imagesFound: 4, imagesTotal: 4 }]);
    // What depends on the log says what is lost, and that nothing failed.
    const health = (await (await fetch(`${address}/api/admin/health`, { headers: { cookie } })).json()) as {
      checks: { id: string; outcome: string; detail: string }[];
    };
    expect(health.checks.filter((c) => c.outcome === 'failed')).toEqual([]);
  } finally {
    await db.end();
  }
}, 180_000);
