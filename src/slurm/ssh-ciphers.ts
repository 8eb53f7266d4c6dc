/**
 * Which ciphers `ssh` should offer first. Its own order begins with ChaCha20, which takes twice the time of AES-GCM where
 * the CPU has instructions for AES, and encryption is what most of a transfer's time goes into.
 */
import { readFile } from 'node:fs/promises';
import { runCommand, type SpawnOptions } from './spawn-command.ts';

const preferred = ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'];

/**
 * All that `ssh` would offer, AES-GCM first; null where that is not for us to say: the account's or the machine's own
 * configuration names ciphers, or the CPU has no AES.
 */
export async function cipherOrder(
  host: string,
  configFile: string | null,
  options: SpawnOptions,
  cpuFile = '/proc/cpuinfo',
): Promise<string | null> {
  const cpu = await readFile(cpuFile, 'utf8').catch(() => '');
  if (!/^(flags|Features)\s*:.*\baes\b/m.test(cpu)) return null;
  const ask = async (file: string | null): Promise<string[]> => {
    const { stdout } = await runCommand(['ssh', ...(file === null ? [] : ['-F', file]), '-G', '--', host], options);
    return /^ciphers (.+)$/m.exec(stdout)?.[1]?.split(',') ?? [];
  };
  try {
    const [own, builtIn] = [await ask(configFile), await ask('none')];
    if (own.join() !== builtIn.join()) return null;
    const first = preferred.filter((cipher) => own.includes(cipher));
    return first.length > 0 ? [...first, ...own.filter((cipher) => !first.includes(cipher))].join() : null;
  } catch {
    // An `ssh` that cannot tell, or is not there, says so itself when it is to connect.
    return null;
  }
}
