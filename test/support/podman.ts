/** A real podman with one small image, built here from busybox. */
import { execFileSync, type ExecFileSyncOptions } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findExecutable, hasExecutable } from './optional-part.ts';

export const testImage = 'localhost/biomero-bridge-converter:1';
const tools = 'sh cat cp echo sleep id touch mkdir tail head ln kill test ls printf dd'.split(' ');

/** What a converter does: copies its input into both folders, and says so in JSON. Special inputs have special ends. */
const converter = `#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    --inputfile) in="$2" ;;
    --outputfolder) out="$2" ;;
    --altoutputfolder) alt="$2" ;;
    --mode) mode="$2" ;;
  esac
  shift 2
done
echo "converting $in"
name=\${in##*/}
case "$mode$name" in
  *broken*) echo "cannot read $name" >&2; echo "unknown block 7" >&2; exit 3 ;;
  *endless*) sleep 600 ;;
  *silent*) exit 0 ;;
  *noisy*) echo "all done"; exit 0 ;;
  *leaving*) ln -s /etc/passwd "$out/x.tif"; echo "[{\\"full_path\\": \\"$out/x.tif\\"}]"; exit 0 ;;
  *writing*) touch "\${in%/*}/intruder" || exit 4 ;;
esac
base=\${name%.*}
count() { for i in $1; do
  cp "$in" "$out/$base-$i.tif"; cp "$in" "$alt/$base-$i.tif"
  printf '%s{"name": "%s of %s", "full_path": "%s", "alt_path": "%s", "keyvalues": [{"Part": %s}, {"Tool": "test"}]}' \\
    "$comma" "$i" "$name" "$out/$base-$i.tif" "$alt/$base-$i.tif" "$i"
  comma=', '
done; }
case "$mode$name" in
  *altonly*) cp "$in" "$alt/$base.tif"; echo "[{\\"name\\": \\"$base.tif\\", \\"alt_path\\": \\"$alt/$base.tif\\"}]" ;;
  *two*) printf '['; count '1 2'; echo ']' ;;
  *) printf '['; count 1; echo ']' ;;
esac
`;

/** podman, runc and a static busybox are there. */
export const hasPodman =
  hasExecutable('podman') && hasExecutable('runc') && hasExecutable('busybox') && process.platform === 'linux';

/**
 * The command of a podman that runs here: with runc, which also works beside cgroups of version 1, limits that any user
 * may set, and its own storage.
 */
export function podmanCommand(folder: string): string[] {
  const limits = join(folder, 'containers.conf');
  writeFileSync(limits, '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n', { mode: 0o644 });
  return [
    'env',
    `CONTAINERS_CONF=${limits}`,
    'podman',
    ...['--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--storage-driver', 'vfs'],
    ...['--root', join(folder, 'graph'), '--runroot', join(folder, 'run')],
  ];
}

/** Builds the image into a podman's storage, as another user where one is named. */
export function buildTestImage(command: readonly string[], as: ExecFileSyncOptions = {}): void {
  const folder = mkdtempSync(join(tmpdir(), 'biomero-bridge-image-'));
  chmodSync(folder, 0o755);
  try {
    const bin = join(folder, 'root', 'bin');
    mkdirSync(bin, { recursive: true });
    copyFileSync(findExecutable('busybox') ?? '', join(bin, 'busybox'));
    for (const tool of tools) symlinkSync('busybox', join(bin, tool));
    writeFileSync(join(folder, 'root', 'convert'), converter, { mode: 0o755 });
    const archive = join(folder, 'root.tar');
    execFileSync('tar', ['-C', join(folder, 'root'), '-cf', archive, '.']);
    const [program = '', ...args] = command;
    const change = 'ENTRYPOINT ["/bin/sh", "/convert"]';
    execFileSync(program, [...args, 'import', '-q', '--change', change, archive, testImage], { stdio: 'pipe', ...as });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
