import { bridgeError } from '../domain/errors.ts';
import type { Transport } from './transport.ts';

/** The new file takes the name only when it is whole. Path and mode are arguments, never part of the script's text. */
const script = `
umask 077
case $1 in */*) mkdir -p -- "\${1%/*}" || exit 1;; esac
cat >"$1.new.$$" && chmod "$2" "$1.new.$$" && mv -f -- "$1.new.$$" "$1" || { rm -f -- "$1.new.$$"; exit 1; }
`;

/**
 * Writes a small file on the cluster, in place of one that is there.
 *
 * @throws CLUSTER_FILE_UNWRITABLE, CLUSTER_…
 */
export async function writeClusterFile(
  transport: Transport,
  path: string,
  text: string,
  mode: '0600' | '0755',
): Promise<void> {
  const { code, stderr } = await transport.exec(['sh', '-c', script, 'sh', path, mode], { stdin: text });
  if (code === 0) return;
  const reason = stderr.trim() || `its writer ended with ${code}`;
  throw bridgeError('CLUSTER_FILE_UNWRITABLE', { cluster: transport.name, path, reason });
}
