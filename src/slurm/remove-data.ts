import type { Transport } from './transport.ts';

export type Removal =
  | { outcome: 'removed' }
  /** It may not be removed, now or ever. */
  | { outcome: 'refused'; reason: string }
  /** It may be removed later. */
  | { outcome: 'in use' | 'failed'; reason: string };

/**
 * Everything is decided where it is done. Arguments: the data root, the job's folder, the job's id, a text that the
 * folder's name must hold. Exit codes: 41 refused, 45 in use, others failed. Jobs of this account that have not ended
 * are found to use the folder by the line that their logs begin with.
 */
const script = `
root=$1 path=$2 job=$3 own=$4
if [ -L "$path" ]; then echo 'it is a symbolic link' >&2; exit 41; fi
if [ -e "$path" ]; then
  root=$(cd -P -- "$root" && pwd -P) || exit 43
  here=$(cd -P -- "$path" && pwd -P) || exit 43
  if [ "$root" = / ] || [ "\${here%/*}" != "$root" ]; then echo "it is $here, not a folder right below $root" >&2; exit 41; fi
  name=\${here##*/}
  case $name in *"$own"*) ;; *) echo "its name $name is not the job's" >&2; exit 41;; esac
  states=PENDING,RUNNING,SUSPENDED,COMPLETING,CONFIGURING
  ids=$(squeue -h -t "$states" -u "$(id -un)" -o %A) || exit 43
  for id in $ids; do
    if [ "$id" != "$job" ] && head -c 1048576 "omero-$id.log" 2>/dev/null | grep -qF -- "/$name |"; then
      echo "job $id uses it" >&2; exit 45
    fi
  done
  rm -rf -- "$here" || exit 43
fi
rm -f -- "omero-$job.log"
`;

/**
 * Removes a job's data folder and its log from the cluster. The folder must lie right below the data root, be no link,
 * have a name that holds `own`, and be in no other job's use.
 *
 * @throws CLUSTER_…
 */
export async function removeJobData(
  transport: Transport,
  job: { root: string; path: string; jobId: number; own: string },
): Promise<Removal> {
  if (job.own === '') return { outcome: 'refused', reason: 'nothing tells that it is the job’s' };
  const argv = ['sh', '-c', script, 'sh', job.root, job.path, String(job.jobId), job.own];
  const { code, stderr } = await transport.exec(argv, { timeoutMs: 600_000 });
  if (code === 0) return { outcome: 'removed' };
  const reason = stderr.trim().slice(-500) || `the command ended with ${code}`;
  return { outcome: code === 41 ? 'refused' : code === 45 ? 'in use' : 'failed', reason };
}
