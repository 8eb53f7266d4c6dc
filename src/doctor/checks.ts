import type { DoctorCheck } from './check.ts';
import { accounting } from './checks/accounting.ts';
import { clock } from './checks/clock.ts';
import { clusterClock } from './checks/cluster-clock.ts';
import { clusterFolders } from './checks/cluster-folders.ts';
import { cluster } from './checks/cluster.ts';
import { configuration } from './checks/configuration.ts';
import { ordersDatabase, runsDatabase } from './checks/databases.ts';
import { groupFolders } from './checks/group-folders.ts';
import { importInPlace } from './checks/import-in-place.ts';
import { importProgram } from './checks/import-program.ts';
import { importers } from './checks/importers.ts';
import { leftovers } from './checks/leftovers.ts';
import { links } from './checks/links.ts';
import { mappings } from './checks/mappings.ts';
import { omeroSignIn } from './checks/omero-sign-in.ts';
import { partitions } from './checks/partitions.ts';
import { passwords } from './checks/passwords.ts';
import { repository } from './checks/repository.ts';
import { runningRoles } from './checks/running-roles.ts';
import { sameStorage } from './checks/same-storage.ts';
import { scripts } from './checks/scripts.ts';
import { slurm } from './checks/slurm.ts';
import { smoke } from './checks/smoke.ts';
import { storage } from './checks/storage.ts';
import { tracking } from './checks/tracking.ts';
import { versions } from './checks/versions.ts';
import { wakeUps } from './checks/wake-ups.ts';

/** Every check, those that others need first. */
export const checks: readonly DoctorCheck[] = [
  configuration,
  passwords,
  runsDatabase,
  ordersDatabase,
  wakeUps,
  clock,
  versions,
  tracking,
  importers,
  runningRoles,
  storage,
  sameStorage,
  mappings,
  groupFolders,
  leftovers,
  omeroSignIn,
  scripts,
  importProgram,
  repository,
  links,
  cluster,
  slurm,
  accounting,
  partitions,
  clusterFolders,
  clusterClock,
  importInPlace,
  smoke,
];

/** Those that write nothing on the storage, start no program, and read no large folder: for whoever looks often. */
export const cheapChecks: readonly DoctorCheck[] = checks.filter((check) => !check.costly);
