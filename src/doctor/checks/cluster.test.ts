import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { describeWithPart } from '../../../test/support/optional-part.ts';
import { sshIsInstalled, startSshServer } from '../../../test/support/ssh-server.ts';
import { SshTransport } from '../../slurm/ssh.ts';
import type { Transport } from '../../slurm/transport.ts';
import type { DoctorSite } from '../check.ts';
import { doctorSite, fakeCluster, lookWith, soundSlurm } from '../testing/doctor-site.ts';
import { accounting } from './accounting.ts';
import { clusterClock } from './cluster-clock.ts';
import { clusterFolders } from './cluster-folders.ts';
import { cluster } from './cluster.ts';
import { partitions } from './partitions.ts';
import { slurm } from './slurm.ts';

let site: DoctorSite;
beforeEach(async () => {
  site = await doctorSite(null, { roles: ['worker'] });
});

const withCommands = async (commands: Record<string, string>): Promise<DoctorSite> => ({
  ...site,
  transport: await fakeCluster(commands),
});

test('a sound cluster', async () => {
  const sound = await withCommands(soundSlurm);
  for (const check of [cluster, slurm, accounting, clusterFolders, clusterClock])
    expect(await lookWith(check, sound), check.id).toMatchObject({ outcome: 'ok', remedy: null });
  expect((await lookWith(slurm, sound)).found).toContain('slurm 23.11.4');
});

test('a login whose scripts print', async () => {
  const noisy = await withCommands({ uname: 'echo Welcome; echo head' });
  expect(await lookWith(cluster, noisy)).toMatchObject({
    outcome: 'problem',
    found: expect.stringContaining('Welcome'),
  });
});

test('commands of Slurm that are not found, and a controller that is down', async () => {
  const { sacct: _, ...rest } = soundSlurm;
  const found = await lookWith(slurm, await withCommands(rest));
  // A machine with a real Slurm has the command all the same.
  if (found.outcome !== 'ok')
    expect(found).toMatchObject({ outcome: 'problem', found: expect.stringContaining('sacct') });
  const down = { ...soundSlurm, scontrol: 'echo "Slurmctld(primary) at head is DOWN"; exit 1' };
  expect(await lookWith(slurm, await withCommands(down))).toMatchObject({
    outcome: 'problem',
    found: expect.stringContaining('DOWN'),
    who: 'it',
  });
});

test('accounting that is off, and accounting that is down', async () => {
  const off = { ...soundSlurm, sacct: 'echo "Slurm accounting storage is disabled" >&2; exit 1' };
  expect((await lookWith(accounting, await withCommands(off))).outcome).toBe('warning');
  const down = { ...soundSlurm, sacct: 'echo "sacct: error: Problem talking to the database" >&2; exit 1' };
  expect(await lookWith(accounting, await withCommands(down))).toMatchObject({
    outcome: 'problem',
    found: expect.stringContaining('Problem talking'),
  });
});

test('partitions that are down or unknown', async () => {
  const naming = async (partition: string | null): Promise<DoctorSite> => {
    const there = await withCommands(soundSlurm);
    const slurmConfig = { ...there.config.slurm, defaultPartition: partition };
    return { ...there, config: { ...there.config, slurm: slurmConfig } };
  };
  expect((await lookWith(partitions, await naming(null))).outcome).toBe('skipped');
  expect((await lookWith(partitions, await naming('cpu'))).outcome).toBe('ok');
  for (const [name, words] of [
    ['gpu', 'gpu (slurm_default_partition) is down'],
    ['fast', 'fast (slurm_default_partition) does not exist'],
  ] as const)
    expect(await lookWith(partitions, await naming(name))).toMatchObject({
      outcome: 'problem',
      found: expect.stringContaining(words),
      who: 'admin',
    });
});

/** Root may write everywhere: then commands run as nobody. */
const unprivileged = (transport: Transport): Transport => ({
  ...transport,
  name: 'cluster',
  exec: (argv, options) =>
    transport.exec(
      process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...argv] : argv,
      options,
    ),
});

test('folders on the cluster: a file in the way, one that may not be written, one that is missing', async () => {
  const transport = await fakeCluster({});
  const { stdout } = await transport.exec(['pwd']);
  const home = stdout.trim();
  await writeFile(join(home, 'plain'), '');
  const looking = (change: Partial<DoctorSite['config']['slurm']>): Promise<{ outcome: string; found: string }> =>
    lookWith(clusterFolders, {
      ...site,
      transport,
      config: { ...site.config, slurm: { ...site.config.slurm, ...change } },
    });
  expect(await looking({ dataPath: `${home}/plain/data` })).toMatchObject({
    outcome: 'problem',
    found: expect.stringContaining('is no folder'),
  });
  const slurmConfig = { ...site.config.slurm, dataPath: '/etc/data' };
  const foreign = { ...site, transport: unprivileged(transport), config: { ...site.config, slurm: slurmConfig } };
  expect(await lookWith(clusterFolders, foreign)).toMatchObject({
    outcome: 'problem',
    found: expect.stringMatching(/cannot write in \/etc$/),
  });
  const workflow = { name: 'w', folder: 'w', repository: null, job: 'jobs/w.sh', useGpu: false, flags: {} };
  const missing = { workflows: { w: workflow }, imagesPath: 'images', scriptPath: 'scripts' };
  expect(await looking(missing)).toMatchObject({
    outcome: 'warning',
    found: expect.stringContaining('images is not there'),
  });
  await mkdir(join(home, 'images'));
  await mkdir(join(home, 'scripts'));
  expect((await looking(missing)).outcome).toBe('ok');
});

test('a cluster whose clock is behind', async () => {
  const behind = await withCommands({ date: 'echo $(( $(/bin/date +%s) - 60 ))' });
  expect(await lookWith(clusterClock, behind)).toMatchObject({
    outcome: 'warning',
    found: expect.stringMatching(/[56]\d\.\d s ahead/),
    who: 'it',
  });
});

describeWithPart('OpenSSH', sshIsInstalled, 'the doctor on the way to a cluster', () => {
  test('a key that is known, and a host key that is not', async () => {
    const server = await startSshServer();
    onTestFinished(() => server.stop());
    const log = pino({ level: 'silent' });
    const open = async (knownHosts?: string): Promise<SshTransport> => {
      const transport = new SshTransport({
        host: 'cluster',
        log,
        configFile: await server.configFile(knownHosts === undefined ? {} : { knownHosts }),
      });
      onTestFinished(() => transport.close());
      return transport;
    };
    expect((await lookWith(cluster, { ...site, transport: await open() })).outcome).toBe('ok');
    expect(await lookWith(cluster, { ...site, transport: await open('/dev/null') })).toMatchObject({
      outcome: 'problem',
      code: 'CLUSTER_HOST_KEY_REFUSED',
      remedy: expect.stringContaining('known_hosts'),
    });
    await server.kill();
    expect((await lookWith(cluster, { ...site, transport: await open() })).code).toBe('CLUSTER_UNREACHABLE');
  }, 180_000);
});
