import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { packageFile } from '../../src/lib/package-root.ts';
import { identifyProcess, isAlive, parseIdentity, stopProcess } from '../../src/lib/process-identity.ts';
import { keepPrograms, linkPrograms } from './kept-programs.ts';

/** The real `start` of the built product in a process of its own, as a person starts it. */
export interface Started {
  process: ChildProcess;
  /** Everything it has printed. */
  output(): string;
  /** Resolves with its exit code. */
  exit: Promise<number | null>;
}

/** A data folder for `start`; `remove` ends whatever a killed start left in it. */
export class QuickStartFolder {
  readonly path: string;

  readonly #environment: Record<string, string>;
  readonly #fresh: boolean;

  /**
   * @param ordersDatabase name of a database of their own for the upload orders; by default they share the runs'
   * @param environment variables that a person has set
   * @param fresh nothing of what a start makes is taken over from an earlier one, see `linkPrograms`
   */
  constructor({
    ordersDatabase,
    environment = {},
    fresh = false,
  }: { ordersDatabase?: string; environment?: Record<string, string>; fresh?: boolean } = {}) {
    this.#environment = environment;
    this.#fresh = fresh;
    this.path = join(mkdtempSync(join(tmpdir(), 'biomero-bridge-start-')), 'data');
    chmodSync(join(this.path, '..'), 0o755);
    // Ports of its own, below those that systems hand out: several tests start at once, and one starts a second time.
    const port = 20_000 + Math.floor(Math.random() * 6_000) * 2;
    mkdirSync(this.path);
    writeFileSync(
      join(this.path, 'start.json'),
      JSON.stringify({ ports: { web: port, omero: port + 1 }, secrets: {}, ordersDatabase }),
      { mode: 0o600 },
    );
    if (process.getuid?.() === 0)
      for (const path of [this.path, join(this.path, 'start.json')]) chownSync(path, 65_534, 65_534);
  }

  /** Puts a configuration file there before the first start, which keeps it. */
  configure(name: string, text: string): void {
    const config = join(this.path, 'config');
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, name), text);
    if (process.getuid?.() === 0) for (const path of [config, join(config, name)]) chownSync(path, 65_534, 65_534);
  }

  /**
   * Adds workflows before the first start, by name with the text of their job's script, beside the sample one. Each finds
   * its folders as every BIOMERO job does.
   */
  addWorkflows(jobs: Record<string, string>): void {
    const scripts = join(this.path, 'cluster', 'home', 'slurm-scripts', 'jobs');
    mkdirSync(scripts, { recursive: true });
    for (const [name, text] of Object.entries(jobs))
      writeFileSync(join(scripts, `${name}.sh`), `#!/bin/bash\nset -eu\n${text}\n`, { mode: 0o755 });
    const lines = [
      '[SLURM]',
      'slurm_script_path = slurm-scripts',
      '[WORKFLOWS]',
      'nuclei = nuclei',
      'nuclei_job = jobs/nuclei.sh',
    ];
    for (const name of Object.keys(jobs)) lines.push(`${name} = ${name}`, `${name}_job = jobs/${name}.sh`);
    this.configure('slurm-config.ini', lines.join('\n'));
    if (process.getuid?.() === 0) execFileSync('chown', ['-R', '65534:65534', this.path]);
  }

  start(...options: string[]): Started {
    if (!this.#fresh) linkPrograms(this.path);
    const child = spawn(
      process.execPath,
      [packageFile('dist', 'src', 'main.js'), 'start', '--data', this.path, ...options],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env['PATH'], HOME: process.env['HOME'], LANG: 'C.UTF-8', ...this.#environment },
      },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
    return { process: child, output: () => output, exit: once(child, 'exit').then(([code]) => code as number | null) };
  }

  /** Kills the process that holds the folder, which as root is a child of the one that was started. */
  killHolder(): void {
    const holder = this.#holder();
    if (holder && isAlive(holder)) process.kill(holder.pid, 'SIGKILL');
  }

  /** A command of the built product on this folder; what it printed. Throws when it fails. */
  cli(...args: string[]): string {
    return execFileSync(process.execPath, [packageFile('dist', 'src', 'main.js'), ...args, '--data', this.path], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], LANG: 'C.UTF-8' },
    });
  }

  /** The environment that the product was configured with, once it is written. */
  environment(): Record<string, string> | null {
    const path = join(this.path, 'config', 'environment.json');
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>) : null;
  }

  /** A client on one of its databases: `biomero` has the runs, `orders` the upload orders, which may be the same. */
  async connect(database: 'biomero' | 'orders' | 'omero'): Promise<pg.Client> {
    const env = this.environment();
    const runs = env?.['SQLALCHEMY_URL'];
    const orders = env?.['INGEST_TRACKING_DB_URL'];
    if (runs === undefined || orders === undefined) throw new Error('the start has not written its environment');
    const connectionString = { biomero: runs, orders, omero: runs.replace('/biomero?', '/omero?') }[database];
    const client = new pg.Client({ connectionString });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  /**
   * Waits for a value; fails with the start's output when it ends first or the time is over. Whoever must see what lasts a
   * moment looks more often.
   */
  async until<T>(
    started: Started,
    look: () => Promise<T | null | undefined | false>,
    { withinMs = 120_000, everyMs = 50 } = {},
  ): Promise<T> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const found = await look().catch(() => null);
      if (found) return found;
      if (Date.now() > deadline || started.process.exitCode !== null)
        throw new Error(`not seen in time; the start printed:\n${started.output()}`);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  async remove(): Promise<void> {
    for (const identity of [this.#holder(), this.#postgres()])
      if (identity) await stopProcess(identity, { graceMs: 5_000 });
    keepPrograms(this.path);
    await rm(join(this.path, '..'), { recursive: true, force: true });
  }

  #holder(): ReturnType<typeof parseIdentity> {
    try {
      return parseIdentity(JSON.parse(readFileSync(join(this.path, 'start.lock'), 'utf8')));
    } catch {
      return null;
    }
  }

  #postgres(): ReturnType<typeof identifyProcess> {
    const path = join(this.path, 'postgres', 'cluster', 'postmaster.pid');
    return existsSync(path) ? identifyProcess(Number(readFileSync(path, 'utf8').split('\n')[0])) : null;
  }
}
