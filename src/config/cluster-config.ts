import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { PushBy, SlurmConfig, TransferSettings } from './config.ts';
import type { SettingName } from './settings-table.ts';
import { SlurmIni, slurmFromIni } from './slurm-config.ts';
import { absolutePath, decimal, oneOf, path, text, whole, type Take, type Values } from './values.ts';

/** BIOMERO's slurm-config.ini: the one that is named, else those where BIOMERO looks. */
export async function readIni(values: Values, env: NodeJS.ProcessEnv, needed: boolean): Promise<SlurmIni> {
  const ini = new SlurmIni(values);
  const only = values.variable('BIOMERO_BRIDGE_SLURM_CONFIG');
  if (only) await ini.read(resolve(only.text), true);
  else {
    const files = [
      '/etc/slurm-config.ini',
      '/OMERO/slurm-config.ini',
      join(env['HOME'] || homedir(), 'slurm-config.ini'),
    ];
    for (const file of files) await ini.read(file, false);
    if (needed && !ini.files.length)
      values.notes.push(`There is no slurm-config.ini (${files.join(', ')}): no workflow is known.`);
  }
  return ini;
}

/** How the cluster is reached, and how results come from there. */
export function slurmOf(values: Values, take: Take, ini: SlurmIni, env: NodeJS.ProcessEnv): SlurmConfig {
  const transport = take('slurm.transport', 'BIOMERO_BRIDGE_SLURM', oneOf('local', 'ssh'), 'ssh');
  const home = take<string | null>('slurm.home', 'BIOMERO_BRIDGE_SLURM_HOME', absolutePath, null);
  if (home && transport === 'ssh')
    values.notes.push('BIOMERO_BRIDGE_SLURM_HOME has no effect with ssh: paths start at the home directory there.');
  return {
    ...slurmFromIni(ini),
    transport,
    home: transport === 'local' ? (home ?? (env['HOME'] || homedir())) : null,
    sshConfigFile: take<string | null>('slurm.sshConfigFile', 'BIOMERO_BRIDGE_SSH_CONFIG', path, null),
    push: take<PushBy>('slurm.push', 'BIOMERO_BRIDGE_SLURM_PUSH', oneOf('off', 'job', 'both'), 'both'),
    transfer: transferOf(take, ini),
    pollSeconds: take('slurm.pollSeconds', 'BIOMERO_BRIDGE_SLURM_POLL_SECONDS', decimal(0.1, 3600), 5),
  };
}

function transferOf(take: Take, ini: SlurmIni): TransferSettings {
  const limit = (key: string, name: SettingName, fallback: number): number =>
    take(`slurm.transfer.limits.${key}`, name, whole(1), fallback);
  return {
    way: take<TransferSettings['way']>(
      'slurm.transfer.way',
      'BIOMERO_BRIDGE_TRANSFER',
      oneOf('auto', 'stream', 'zip', 'shared'),
      'auto',
    ),
    compress: take<TransferSettings['compress']>(
      'slurm.transfer.compress',
      'BIOMERO_BRIDGE_TRANSFER_COMPRESS',
      oneOf('auto', 'on', 'off'),
      'auto',
    ),
    checksums: take<TransferSettings['checksums']>(
      'slurm.transfer.checksums',
      'BIOMERO_BRIDGE_TRANSFER_CHECKSUMS',
      oneOf('off', 'sha256'),
      'off',
    ),
    zipCommand: ini.take('slurm.transfer.zipCommand', 'slurm_zip_cmd', text, ''),
    limits: {
      entries: limit('entries', 'BIOMERO_BRIDGE_ARCHIVE_MAX_ENTRIES', 2_000_000),
      bytes: limit('bytes', 'BIOMERO_BRIDGE_ARCHIVE_MAX_BYTES', 16 * 2 ** 40),
      ratio: limit('ratio', 'BIOMERO_BRIDGE_ARCHIVE_MAX_RATIO', 1040),
    },
  };
}
