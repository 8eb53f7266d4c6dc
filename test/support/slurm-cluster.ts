import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { findExecutable } from './optional-part.ts';

/** Programs of a whole Slurm with accounting: Debian's slurm-wlm, slurmdbd, munge, mariadb-server-core, mariadb-client-core. */
const programs = [
  'munged',
  'mariadbd',
  'mariadb-install-db',
  'mariadb',
  'slurmdbd',
  'slurmctld',
  'slurmd',
  'sbatch',
  'sacct',
  'sinfo',
  'sacctmgr',
];

export const slurmIsInstalled = programs.every((name) => findExecutable(name) !== null);

/** A real Slurm of this test's own, run by this user. */
export interface SlurmCluster {
  folder: string;
  /** Environment in which Slurm's commands find it. */
  env: Record<string, string>;
  /** Ends one daemon; `start` brings it back. */
  end(daemon: 'slurmdbd' | 'slurmctld'): Promise<void>;
  start(daemon: 'slurmdbd' | 'slurmctld'): Promise<void>;
  /** Runs one of Slurm's commands as its administrator. */
  command(...argv: string[]): string;
  stop(): Promise<void>;
}

/** Starts every daemon in the foreground as our child, on free ports, with all its files in a new folder. */
export async function startSlurmCluster({ cpus = 2 } = {}): Promise<SlurmCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'slurm-'));
  for (const name of ['munge', 'socket', 'state', 'spool', 'log', 'database']) mkdirSync(join(folder, name));
  chmodSync(folder, 0o755);
  chmodSync(join(folder, 'munge'), 0o700);
  const [database = 0, dbd = 0, controller = 0, node = 0] = await freePorts(4);
  const user = userInfo().username;
  const munge = join(folder, 'socket', 'munge');
  const sql = join(folder, 'socket', 'sql');
  writeFileSync(join(folder, 'munge', 'key'), randomBytes(128), { mode: 0o600 });
  writeSettings(join(folder, 'slurm.conf'), 0o644, {
    ClusterName: 'interop',
    SlurmctldHost: 'localhost',
    SlurmUser: user,
    SlurmdUser: user,
    AuthType: 'auth/munge',
    AuthInfo: `socket=${munge}`,
    CredType: 'cred/munge',
    SlurmctldPort: controller,
    SlurmdPort: node,
    StateSaveLocation: join(folder, 'state'),
    SlurmdSpoolDir: join(folder, 'spool'),
    SlurmctldPidFile: join(folder, 'slurmctld.pid'),
    SlurmdPidFile: join(folder, 'slurmd.pid'),
    ProctrackType: 'proctrack/linuxproc',
    TaskPlugin: 'task/none',
    MpiDefault: 'none',
    ReturnToService: 2,
    SelectType: 'select/cons_tres',
    SelectTypeParameters: 'CR_Core_Memory',
    // Without it every job takes all memory, and jobs run one at a time.
    DefMemPerCPU: 100,
    SchedulerParameters: 'batch_sched_delay=0,sched_interval=1,bf_interval=2',
    KillWait: 2,
    JobCompType: 'jobcomp/none',
    JobAcctGatherType: 'jobacct_gather/none',
    AccountingStorageType: 'accounting_storage/slurmdbd',
    AccountingStorageHost: 'localhost',
    AccountingStoragePort: dbd,
    // The controller shows this to slurmdbd, which otherwise looks for munge's usual socket.
    AccountingStoragePass: munge,
    // More than this machine may have: most jobs of tests only wait.
    SlurmdParameters: 'config_overrides',
    'NodeName=localhost CPUs': `${cpus} RealMemory=2000`,
    'PartitionName=main Nodes': 'ALL Default=YES State=UP',
  });
  writeSettings(join(folder, 'slurmdbd.conf'), 0o600, {
    AuthType: 'auth/munge',
    AuthInfo: `socket=${munge}`,
    DbdHost: 'localhost',
    DbdPort: dbd,
    SlurmUser: user,
    StorageType: 'accounting_storage/mysql',
    StorageHost: '127.0.0.1',
    StoragePort: database,
    StorageUser: 'slurm',
    StoragePass: 'slurm',
    StorageLoc: 'slurm',
    PidFile: join(folder, 'slurmdbd.pid'),
  });
  const env = { ...plainEnvironment(), SLURM_CONF: join(folder, 'slurm.conf') };
  const daemons: ChildProcess[] = [];
  const named = new Map<string, ChildProcess>();
  const start = (name: string, ...args: string[]): void => {
    const daemon = spawn(program(name), args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    daemon.stderr.on('data', (text: Buffer) => writeFileSync(join(folder, 'log', name), text, { flag: 'a' }));
    daemons.push(daemon);
    named.set(name, daemon);
  };
  const stop = async (): Promise<void> => {
    // Jobs outlive the daemons.
    const ask = (...argv: string[]): string =>
      spawnSync(findExecutable(argv[0] ?? '') ?? '', argv.slice(1), { env, encoding: 'utf8', timeout: 5_000 }).stdout ??
      '';
    if (named.has('slurmd')) {
      ask('scancel', '--user', user);
      for (const end = Date.now() + 4_000; Date.now() < end && ask('squeue', '-h') !== '';)
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    for (const daemon of daemons.splice(0).reverse()) await end(daemon);
    rmSync(folder, { recursive: true, force: true });
  };
  const ready = async (what: string, argv: string[], good: (text: string) => boolean = () => true): Promise<void> => {
    const deadline = Date.now() + 40_000;
    for (;;) {
      const { status, stdout } = spawnSync(program(argv[0] ?? ''), argv.slice(1), { env, encoding: 'utf8' });
      if (status === 0 && good(stdout.trim())) return;
      if (Date.now() > deadline) throw new Error(`${what} did not come up: ${logs(folder)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  try {
    start(
      'munged',
      ...['--foreground', '--force', `--key-file=${folder}/munge/key`, `--socket=${munge}`],
      ...[`--pid-file=${folder}/munge/pid`, `--seed-file=${folder}/munge/seed`],
    );
    const data = [`--datadir=${folder}/database`, ...(process.getuid?.() === 0 ? ['--user=root'] : [])];
    const made = spawnSync(
      program('mariadb-install-db'),
      ['--no-defaults', ...data, '--skip-test-db', '--auth-root-authentication-method=normal'],
      { env, encoding: 'utf8' },
    );
    if (made.status !== 0) throw new Error(`mariadb-install-db: ${made.stderr}`);
    start(
      'mariadbd',
      ...['--no-defaults', ...data, `--socket=${sql}`, `--port=${database}`, '--bind-address=127.0.0.1'],
      ...['--innodb-buffer-pool-size=64M', '--innodb-log-file-size=32M', '--innodb-flush-log-at-trx-commit=0'],
      ...['--innodb-lock-wait-timeout=900', '--skip-name-resolve', `--pid-file=${folder}/database.pid`],
    );
    const admin = ['mariadb', '--no-defaults', `--socket=${sql}`, '-uroot', '-e'];
    await ready('mariadbd', [...admin, 'select 1']);
    await ready('the database', [
      ...admin,
      "create or replace user slurm@'127.0.0.1' identified by 'slurm'; grant all on slurm.* to slurm@'127.0.0.1'; create database if not exists slurm",
    ]);
    start('slurmdbd', '-D');
    await ready('slurmdbd', ['sacctmgr', '-n', '-P', 'show', 'cluster']);
    start('slurmctld', '-D', '-c');
    start('slurmd', '-D');
    await ready('the node', ['sinfo', '-h', '-o', '%T'], (text) => text === 'idle');
    await ready(
      'accounting',
      ['sacctmgr', '-n', '-P', 'show', 'cluster', 'format=ControlPort'],
      (t) => t === String(controller),
    );
    return {
      folder,
      env,
      stop,
      end: async (name) => {
        const daemon = named.get(name);
        if (daemon) await end(daemon);
      },
      start: async (name) => {
        start(name, '-D');
        const question = name === 'slurmdbd' ? ['sacctmgr', '-n', '-P', 'show', 'cluster'] : ['scontrol', 'ping'];
        await ready(name, question);
      },
      command: (...argv) => {
        const { status, stdout, stderr } = spawnSync(program(argv[0] ?? ''), argv.slice(1), { env, encoding: 'utf8' });
        if (status !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
        return stdout.trim();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function writeSettings(path: string, mode: number, settings: Record<string, string | number>): void {
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(path, lines.join(''), { mode });
}

function program(name: string): string {
  const found = findExecutable(name);
  if (found === null) throw new Error(`${name} is not installed`);
  return found;
}

function plainEnvironment(): Record<string, string> {
  const { homedir, username } = userInfo();
  return {
    PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
    HOME: homedir,
    USER: username,
    LOGNAME: username,
    LANG: 'C.UTF-8',
  };
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const ended = new Promise((resolve) => daemon.once('exit', resolve));
  daemon.kill('SIGTERM');
  const timer = setTimeout(() => daemon.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(timer);
}

function logs(folder: string): string {
  return ['munged', 'mariadbd', 'slurmdbd', 'slurmctld', 'slurmd']
    .map((name) => {
      try {
        return `${name}: ${readFileSync(join(folder, 'log', name), 'utf8').slice(-500)}`;
      } catch {
        return `${name}: silent`;
      }
    })
    .join('\n');
}

/** Ports that are free now; held all at once, so that no two are the same. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  for (const server of servers) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}
