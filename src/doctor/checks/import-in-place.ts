import { runChecks } from '../../omero/check/run-checks.ts';
import type { DoctorCheck } from '../check.ts';

const limitMs = 5 * 60_000;

export const importInPlace: DoctorCheck = {
  id: 'import-in-place',
  title: 'import in place',
  tests:
    "With `--probe`: everything that `omero check` tries, in a user's name: among it a real import of a tiny image in place, which proves that OMERO sees the storage at the same path and may read it. All is removed again.",
  roles: ['importer'],
  needs: ['omero', 'import-program', 'storage'],
  costly: true,
  limitMs: limitMs + 60_000,
  run: async ({ probe, actAs, config, signal }) => {
    if (!probe) return { outcome: 'skipped', found: 'only with --probe' };
    if (!config.omero.host) return { outcome: 'skipped', found: 'OMERO_HOST is not configured' };
    if (!actAs) return { outcome: 'skipped', found: 'say with --user and --group for whom' };
    const { results } = await runChecks({
      config,
      actAs,
      signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]),
    });
    if (signal.aborted) return { outcome: 'skipped', found: 'interrupted; what was made is removed again' };
    // What was not tried says why in what failed.
    const bad = [...results.filter((r) => r.outcome === 'failed'), ...results.filter((r) => r.outcome === 'warning')];
    const [first] = bad;
    if (!first) {
      const done = results.find((r) => r.id === 'import');
      return { outcome: 'ok', found: `${done?.detail ?? ''} ${results.length} things were tried as ${actAs.user}.` };
    }
    return {
      outcome: first.outcome === 'failed' ? 'problem' : 'warning',
      found: bad.map((r) => `${r.title}: ${r.detail}`).join(' '),
      remedy: first.remedy ?? 'Run `biomero-bridge omero check`.',
      who: 'admin',
    };
  },
};
