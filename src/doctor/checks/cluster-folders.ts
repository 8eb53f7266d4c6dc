import { parseTools, toolsScript } from '../../archive/far-tools.ts';
import type { SlurmConfig } from '../../config/config.ts';
import type { DoctorCheck } from '../check.ts';

/**
 * For each path: its state, and the kilobytes free there. A missing folder is judged by the nearest one above it that is
 * there. Nothing is made.
 */
const script = `
for path; do
  at=$path
  while [ ! -e "$at" ]; do case $at in */*) at=\${at%/*}; [ -n "$at" ] || at=/;; *) at=.;; esac; done
  if [ "$at" = "$path" ]; then state=there; else state=missing; fi
  [ -d "$at" ] || state=file
  if [ -w "$at" ] && [ -x "$at" ]; then write=write; else write=read; fi
  printf '%s %s %s %s\\n' "$state" "$write" "$(df -Pk -- "$at" 2>/dev/null | awk 'END {print $4}')" "$at"
done`;

const leastKilobytes = 5 * 1024 * 1024;

export const clusterFolders: DoctorCheck = {
  id: 'cluster-folders',
  title: 'folders on the cluster',
  tests:
    "Looks for the folders of slurm-config.ini on the cluster, whether jobs' data can be written there, for room, and for tar and find. Nothing is made.",
  roles: ['worker'],
  needs: ['cluster'],
  run: async ({ transport, config }) => {
    if (!transport) return { outcome: 'skipped', found: 'no cluster is configured' };
    const folders = foldersOf(config.slurm);
    const { stdout } = await transport.exec(['sh', '-c', script, 'sh', ...folders.map((f) => f.path)]);
    const lines = stdout.trimEnd().split('\n');
    const wrong: string[] = [];
    const odd: string[] = [];
    for (const [index, { key, path, use }] of folders.entries()) {
      const [, state, write, room, at] = /^(\S+) (\S+) (\d*) (.*)$/.exec(lines[index] ?? '') ?? [];
      const name = `${key} ${path}`;
      if (state === undefined) return { outcome: 'unknown', found: `the cluster did not tell about ${path}` };
      if (state === 'file') wrong.push(`${name}: ${at} is no folder`);
      else if (use === 'write' && write !== 'write') wrong.push(`${name}: the account cannot write in ${at}`);
      else if (use === 'write' && room && Number(room) < leastKilobytes)
        odd.push(`${name} has ${(Number(room) / 1024 / 1024).toFixed(1)} GiB left`);
      else if (use === 'read' && state === 'missing') odd.push(`${name} is not there`);
    }
    const { stdout: words } = await transport.exec(['sh', '-c', toolsScript]);
    if (parseTools(words.split(/\s+/)).tar === 'none') odd.push('there is no tar');
    if (wrong.length)
      return {
        outcome: 'problem',
        found: [...wrong, ...odd].join('; '),
        remedy: 'Correct the paths in slurm-config.ini, or give the account of the worker a folder of its own there.',
        who: 'admin',
      };
    if (odd.length)
      return {
        outcome: 'warning',
        found: odd.join('; '),
        remedy: 'Make the folders, or correct slurm-config.ini: a workflow whose image or job script is missing fails.',
        who: 'admin',
      };
    return { outcome: 'ok', found: folders.map((f) => f.path).join(', ') };
  },
};

interface FarFolder {
  readonly key: string;
  readonly path: string;
  readonly use: 'read' | 'write';
}

function foldersOf({ dataPath, imagesPath, scriptPath, submission, workflows }: SlurmConfig): FarFolder[] {
  const folders: FarFolder[] = [{ key: 'slurm_data_path', path: dataPath, use: 'write' }];
  const containers = Object.values(workflows).some((w) => w.folder !== null);
  if (containers) folders.push({ key: 'slurm_images_path', path: imagesPath, use: 'read' });
  if (containers) folders.push({ key: 'slurm_script_path', path: scriptPath, use: 'read' });
  if (submission?.dataBindPath)
    folders.push({ key: 'slurm_data_bind_path', path: submission.dataBindPath, use: 'read' });
  return folders;
}
