import type { DoctorCheck } from './check.ts';
import { clock } from './checks/clock.ts';
import { configuration } from './checks/configuration.ts';
import { ordersDatabase, runsDatabase } from './checks/databases.ts';
import { groupFolders } from './checks/group-folders.ts';
import { importers } from './checks/importers.ts';
import { omeroSignIn } from './checks/omero-sign-in.ts';
import { passwords } from './checks/passwords.ts';
import { storage } from './checks/storage.ts';
import { wakeUps } from './checks/wake-ups.ts';

/** Every check, those that others need first. */
export const checks: readonly DoctorCheck[] = [
  configuration,
  passwords,
  runsDatabase,
  ordersDatabase,
  wakeUps,
  clock,
  importers,
  storage,
  groupFolders,
  omeroSignIn,
];
