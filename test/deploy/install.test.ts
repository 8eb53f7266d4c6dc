import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { passwords, startTestOmero, type TestOmero } from '../../src/embedded/omero/testing.ts';
import { packageFile, packageRoot } from '../../src/lib/package-root.ts';
import { deployText } from '../support/compose-file.ts';
import { describeWithPart, findExecutable } from '../support/optional-part.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

// The commands of docs/guides/install.md, typed as they stand there, on a view of the machine that nobody else sees.

const execute = promisify(execFile);
const available =
  process.getuid?.() === 0 &&
  ['pg_createcluster', 'systemd-analyze', 'unshare'].every((n) => findExecutable(n) !== null);

let omero: TestOmero;

async function shellBlocks(): Promise<string[]> {
  const text = await readFile(packageFile('docs', 'guides', 'install.md'), 'utf8');
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
}

/** What a unit says, by key; several lines of a key in their sequence. */
function unitLines(): Map<string, string[]> {
  const lines = new Map<string, string[]>();
  for (const [, key = '', value = ''] of deployText('systemd/biomero-bridge@.service').matchAll(/^(\w+)=(.*)$/gm))
    lines.set(key, [...(lines.get(key) ?? []), value]);
  return lines;
}

/** In the place of systemd: starts what the unit names, as its user, with its environment, and waits until it is well. */
function systemctl(unit: Map<string, string[]>): string {
  const one = (key: string): string => unit.get(key)?.[0]?.replaceAll('%i', '$role') ?? '';
  const files = (unit.get('EnvironmentFile') ?? []).map((file) => file.replaceAll('%i', '$role'));
  return `
systemctl() {
  [ "$1" = daemon-reload ] && return
  [ "$1 $2" = 'enable --now' ] || return 64
  shift 2
  for name; do
    role=\${name#biomero-bridge@}
    (
      set -a
      ${files.map((file) => (file.startsWith('-') ? `[ ! -e ${file.slice(1)} ] || . ${file.slice(1)}` : `. ${file}`)).join('\n      ')}
      ${(unit.get('Environment') ?? []).join('\n      ')}
      set +a
      cd ${one('WorkingDirectory')}
      exec setpriv --reuid=${one('User')} --regid=${one('Group')} --init-groups --no-new-privs ${one('ExecStart')}
    ) > "$LOGS/$role.log" 2>&1 &
    echo $! >> "$LOGS/pids"
  done
  for port in 9464 9465 9466; do
    for try in $(seq 120); do
      if BIOMERO_BRIDGE_METRICS_PORT=$port biomero-bridge health > /dev/null 2>&1; then break; fi
      sleep 0.5
    done
  done
}`;
}

/** A machine as an admin finds it: PostgreSQL runs, and nothing is there of ours. */
const freshMachine = `
set -eu
mount -t tmpfs tmpfs /run
mkdir "$PRIVATE/top"
mount -t tmpfs tmpfs "$PRIVATE/top"
for folder in etc opt usr/local var; do
  mkdir -p "$PRIVATE/top/$folder/upper" "$PRIVATE/top/$folder/work"
  mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$PRIVATE/top/$folder/upper,workdir=$PRIVATE/top/$folder/work" "/$folder"
done
mkdir -p /run/postgresql /etc/systemd/system
chown postgres:postgres /run/postgresql
rm -rf /etc/postgresql/* /var/lib/postgresql/*
version=$(ls /usr/lib/postgresql | sort -n | tail -1)
pg_createcluster "$version" main -p 5432 -o listen_addresses= > /dev/null
pg_ctlcluster "$version" main start
`;

/** What the guide leaves to an editor. */
const edits = `
sed -i "s|^OMERO_HOST=.*|OMERO_HOST=\\"tcp://127.0.0.1\\"|; s|^OMERO_PORT=.*|OMERO_PORT=\\"$OMERO_PORT_OF_SITE\\"|; \\
  s|^OMERO_USER=.*|OMERO_USER=\\"root\\"|; s|^BIOMERO_BRIDGE_IMPORT_JARS=.*|BIOMERO_BRIDGE_IMPORT_JARS=\\"$STORAGE\\"|" /etc/biomero-bridge/environment
cat "$PRIVATE/password" > /etc/biomero-bridge/omero-password
sed -i "s|^base_dir:.*|base_dir: $STORAGE|" /etc/biomero-bridge/settings.yml
echo 'BIOMERO_BRIDGE_WEB_PORT="0"' >> /etc/biomero-bridge/web.environment
chown biomero-bridge "$STORAGE"
`;

const gracefulStop = `
for pid in $(cat "$LOGS/pids"); do kill -TERM "$pid"; done
for pid in $(cat "$LOGS/pids"); do wait "$pid"; echo "ended: $?"; done
`;

async function copySources(to: string): Promise<void> {
  const { stdout } = await execute('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: packageRoot,
    maxBuffer: 64 * 1024 ** 2,
  });
  for (const path of stdout.split('\0').filter(Boolean)) {
    await mkdir(dirname(join(to, path)), { recursive: true });
    await cp(packageFile(path), join(to, path));
  }
}

describeWithPart('System PostgreSQL', available, 'install guide', () => {
  beforeAll(async () => {
    omero = await startTestOmero();
  });
  afterAll(() => omero.drop());

  test('its commands make a site that is well, but for what the site alone has', async () => {
    const work = await temporaryFolder('install');
    const [sources, storage, logs] = [join(work, 'sources'), join(work, 'storage'), join(work, 'logs')];
    for (const folder of [sources, storage, logs]) await mkdir(folder);
    await execute('chmod', ['755', work]);
    await copySources(sources);
    await writeFile(join(work, 'password'), `${passwords.root}\n`, { mode: 0o600 });

    const blocks = await shellBlocks();
    expect(blocks).toHaveLength(9);
    const check = blocks.findIndex((block) => block.includes('config check'));
    const doctor = blocks.findIndex((block) => block.includes('doctor'));
    const script = [
      freshMachine,
      systemctl(unitLines()),
      'cd "$SOURCES"',
      ...blocks.flatMap((block, i) => [
        `echo '== block ${i}'`,
        ...(i === check ? [edits] : []),
        i === doctor ? `(${block}) || echo "doctor ended: $?"` : block,
      ]),
      gracefulStop,
    ].join('\n');
    await writeFile(join(work, 'script'), script);

    const { BIOMERO_PYTHON: _, ...env } = process.env;
    const { stdout } = await execute(
      'unshare',
      ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'bash', join(work, 'script')],
      {
        env: {
          ...env,
          PRIVATE: work,
          SOURCES: sources,
          STORAGE: storage,
          LOGS: logs,
          OMERO_PORT_OF_SITE: String(omero.port),
        },
        timeout: 400_000,
        maxBuffer: 64 * 1024 ** 2,
      },
    );
    expect(stdout).toMatch(/^2 files: 0 errors, 0 warnings, 0 notes\.$/m);
    expect(stdout.match(/^\{"status":"ok"/gm)).toHaveLength(3);
    expect(stdout).toContain('No runs yet.');
    // OMERO's jars, the right to write where the stand-in's user writes, and a cluster: nothing that the guide makes.
    const problems = [...stdout.matchAll(/^✗ (.*?) {2,}/gm)].map((match) => match[1]);
    expect(problems).toEqual(['import program', "OMERO's managed repository", 'way to the cluster']);
    expect(stdout).toContain('doctor ended: 1\n');
    expect(stdout).toMatch(/^✓ running roles +worker on .*importer on .*web on /ms);
    expect(stdout).toMatch(/^✓ sign-in to OMERO/m);
    expect(stdout.match(/^ended: 0$/gm)).toHaveLength(3);
  }, 420_000);

  test('systemd reads the unit', async () => {
    const folder = await temporaryFolder('unit');
    const text = deployText('systemd/biomero-bridge@.service');
    // The program is not installed here; everything else is judged as it stands.
    const unit = join(folder, 'biomero-bridge@worker.service');
    await writeFile(unit, text.replace('/opt/biomero-bridge/bin/biomero-bridge', '/bin/true'));
    const { stdout, stderr } = await execute('systemd-analyze', ['verify', unit]);
    expect(stdout + stderr).toBe('');
  });
});
