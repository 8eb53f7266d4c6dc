import { randomUUID } from 'node:crypto';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readMarker } from '../../storage/marker.ts';
import type { DoctorCheck, DoctorFinding, DoctorSite } from '../check.ts';
import { expectedRoles } from '../expected-roles.ts';
import { callRoll, type RollAnswer } from '../roll-call.ts';

export const sameStorage: DoctorCheck = {
  id: 'same-storage',
  title: 'same storage for all roles',
  tests:
    "Compares the storage's marker as each running role reads it with the one that is read here; with `--probe` also writes a small file, which each role must be able to read by the same path, and removes it.",
  roles: ['worker', 'importer', 'web'],
  needs: ['orders-database', 'storage'],
  limitMs: 60_000,
  run: async (site) => {
    const { orders, config, probe } = site;
    const { baseDir } = config.storage;
    if (!orders || !baseDir) return { outcome: 'skipped', found: 'no storage or no database is configured' };
    const here = await readMarker(baseDir);
    const { answers, file } = probe ? await withFile(site, baseDir) : { answers: await ask(site), file: null };
    const others = answers.filter((a) => a.detail.baseDir === baseDir);
    if (!others.length) return { outcome: 'skipped', found: 'no running role with this base_dir answered' };
    for (const { detail, host, roles } of others) {
      const name = `${roles.join('+')} on ${host} (uid:gid ${detail.uid}:${detail.gid})`;
      if (detail.markerError) return differs(`${name} cannot read ${baseDir}: ${detail.markerError}`);
      if (detail.marker !== here)
        return differs(
          detail.marker === null
            ? `${name} finds no marker in ${baseDir}, which bears one here`
            : `${name} finds another storage in ${baseDir} than there is here`,
        );
      if (file !== null && detail.probe !== 'read')
        return differs(`${name} does not see ${file} that was written here: ${detail.probe ?? 'it did not say why'}`);
    }
    const proof = file === null ? (here === null ? null : 'the same marker') : 'a file that was written here';
    const names = others.map((a) => `${a.roles.join('+')} on ${a.host}`).join(', ');
    if (proof) return { outcome: 'ok', found: `${names}: ${baseDir} with ${proof}` };
    return {
      outcome: 'unknown',
      found: `${baseDir} bears no marker by which it could be told`,
      remedy: `biomero-bridge storage adopt${probe ? ' (no file could be written there as this user)' : ', or biomero-bridge doctor --probe'}.`,
      who: 'admin',
    };
  },
};

function differs(found: string): DoctorFinding {
  return {
    outcome: 'problem',
    found,
    remedy:
      'Mount the same storage at the same path for worker, importer, web and OMERO server (by default /data), readable for the uid that is shown.',
    who: 'it',
  };
}

async function ask(
  { orders, roles, answerMs, config }: DoctorSite,
  probe?: { path: string; text: string },
): Promise<RollAnswer[]> {
  if (!orders) return [];
  const expected = await expectedRoles(orders, config.importerEnabled);
  const enough = (all: readonly RollAnswer[]): boolean =>
    roles.every((role) => !expected.includes(role) || all.some((a) => a.roles.includes(role)));
  return callRoll(orders, { waitMs: answerMs, enough, ...(probe ? { probe } : {}) });
}

/** The file is readable for everybody: whether a uid may read what others write is told by `--probe`'s import. */
async function withFile(site: DoctorSite, baseDir: string): Promise<{ answers: RollAnswer[]; file: string | null }> {
  const text = randomUUID();
  const file = join(baseDir, `.biomero-bridge-probe-${text}`);
  try {
    await writeFile(file, text, { flag: 'wx', mode: 0o644 });
  } catch (error) {
    // Many sites let nobody write there but in the folders of groups: the marker has to do.
    if (!/^(EACCES|EPERM|EROFS)$/.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return { answers: await ask(site), file: null };
  }
  try {
    await chmod(file, 0o644);
    return { answers: await ask(site, { path: file, text }), file };
  } finally {
    await rm(file, { force: true });
  }
}
