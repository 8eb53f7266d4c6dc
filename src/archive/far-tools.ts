/** Which programs the far side has, asked with POSIX means, and the commands that follow from it. */
import type { FarFolder } from './far-folder.ts';

export interface FarTools {
  /** `find` is GNU's: it tells names, sizes and times by itself. */
  gnuFind: boolean;
  tar: 'GNU' | 'other' | 'none';
  zstd: boolean;
  sha256sum: boolean;
}

/** Prints a word for each; to be run by a shell, always ends well. */
export const toolsScript = `find . -prune -printf x >/dev/null 2>&1 && echo gnu-find
tar --version 2>/dev/null | grep GNU >/dev/null && echo gnu-tar
for tool in tar zstd sha256sum; do command -v "$tool" >/dev/null 2>&1 && echo "$tool"; done
exit 0`;

/** What `toolsScript` printed. */
export function parseTools(words: readonly string[]): FarTools {
  const has = new Set(words);
  return {
    gnuFind: has.has('gnu-find'),
    tar: has.has('gnu-tar') ? 'GNU' : has.has('tar') ? 'other' : 'none',
    zstd: has.has('zstd'),
    sha256sum: has.has('sha256sum'),
  };
}

/**
 * The command whose output is a tar stream of the folder. `compress` (GNU's tar only): through zstd, so that tar itself
 * tells how both ended.
 */
export function tarCommand(folder: FarFolder, tools: FarTools, compress: boolean): string[] {
  const zstd = compress ? ['--use-compress-program=zstd -1 -q'] : [];
  if (tools.tar === 'GNU')
    // In pieces of 64 KiB: every piece is a turn of tar and of sshd.
    // Hard links between results arrive as files of their own; the archive must not depend on one another's content.
    return ['tar', '-c', '-b', '128', ...zstd, '-f', '-', '--hard-dereference', '-C', folder.path, '.'];
  if (tools.tar === 'other') return ['tar', '-c', '-f', '-', '-C', folder.path, '.'];
  return ['sh', '-c', 'cd -- "$1" && exec pax -w -x ustar .', 'sh', folder.path];
}
