import type { Role } from '../config/roles.ts';
import type { Pool } from '../lib/database.ts';
import { newestForeignStage, readImporters } from '../orders/importers.ts';

/** Roles of ours that a site should have at work: no importer where results are uploaded, or the Python one imports. */
export async function expectedRoles(orders: Pool, importerEnabled: boolean): Promise<Role[]> {
  if (!importerEnabled) return ['worker', 'web'];
  const ours = (await readImporters(orders)).some((i) => i.state !== 'silent');
  const python = !ours && (await newestForeignStage(orders)) !== null;
  return python ? ['worker', 'web'] : ['worker', 'importer', 'web'];
}
