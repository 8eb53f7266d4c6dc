import type { DoctorCheck } from '../check.ts';

const views = [
  'biomero_job_view',
  'biomero_job_progress_view',
  'biomero_workflow_progress_view',
  'biomero_task_execution',
];

export const tracking: DoctorCheck = {
  id: 'tracking',
  title: 'progress for OMERO.biomero',
  tests: "Looks whether track_workflows is on, and for BIOMERO's event log and its tables of progress.",
  roles: ['worker'],
  needs: ['runs-database'],
  run: async ({ config, runs }) => {
    if (!config.tracking.enabled)
      return {
        outcome: 'warning',
        found: 'track_workflows is off: OMERO.biomero and dashboards show no progress; our own pages do',
        remedy: 'Set track_workflows = True in [ANALYTICS] of slurm-config.ini, here and for the Python parts.',
        who: 'admin',
      };
    if (!runs) return { outcome: 'skipped', found: 'no database of runs is configured' };
    const { rows } = await runs.query<{ name: string }>(
      'select name from unnest($1::text[]) as name where to_regclass(name) is null',
      [['workflowtracker_events', ...views]],
    );
    const missing = rows.map((r) => r.name);
    if (!missing.length) return { outcome: 'ok', found: 'the event log and its tables are there' };
    return {
      outcome: 'warning',
      found: `missing: ${missing.join(', ')}`,
      remedy:
        'Start the worker once, which makes them. SQLALCHEMY_URL must name the database that OMERO.biomero reads.',
      who: 'admin',
    };
  },
};
