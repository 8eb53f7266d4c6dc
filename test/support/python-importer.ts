import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageFile } from '../../src/lib/package-root.ts';
import { signalGroup, stopProcessGroup } from '../../src/lib/process-group.ts';
import { identifyProcess, type ProcessIdentity } from '../../src/lib/process-identity.ts';
import { hasExecutable } from './optional-part.ts';

/** A Python with BIOMERO.importer's ledger and service, without OMERO's client. */
export const python = process.env['BIOMERO_PYTHON'] ?? 'python3';
const check = `import importlib.util, sqlalchemy, alembic, psycopg2, yaml; assert importlib.util.find_spec('biomero_importer')`;
export const hasPythonImporter =
  (python.includes('/') || hasExecutable(python)) && spawnSync(python, ['-c', check]).status === 0;

/** The database as Python names it; its migration cannot take a `%` in the address. */
export function pythonUrl(url: string): string {
  return url.replace(/^postgres(?:ql)?:/, 'postgresql+psycopg2:').replaceAll('%2F', '/');
}

export interface Ledger {
  logged: (number | null)[];
  seen: { stages: string[]; files: string[][]; fileNames: string[][]; latest: string; description: string | null }[];
}

/** The ledger of BIOMERO.importer: orders are written and read by its own code. */
export function askPythonLedger(
  url: string,
  request: { migrate?: boolean; log?: [Record<string, unknown>, string][]; read?: string[] },
): Ledger {
  const input = { migrate: true, log: [], read: [], ...request, url: pythonUrl(url) };
  const { status, stdout, stderr } = spawnSync(python, [packageFile('test', 'interop', 'importer_peer.py')], {
    input: JSON.stringify(input),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Ledger;
}

/** What the service needs in its folder, and its environment; see `importer_service.py`. */
export async function layOutPythonImporter(
  folder: string,
  url: string,
  o: { maxWorkers?: number; seconds?: number } = {},
): Promise<{ program: string[]; env: Record<string, string> }> {
  for (const name of ['config', 'logs']) await mkdir(join(folder, name), { recursive: true });
  await writeFile(
    join(folder, 'config', 'settings.yml'),
    `log_level: WARNING\nlog_file_path: logs/app.logs\ningest_tracking_db: ignored\nmax_workers: ${o.maxWorkers ?? 2}\nskip_all: true\nbase_dir: ${JSON.stringify(folder)}\n`,
  );
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    INGEST_TRACKING_DB_URL: pythonUrl(url),
    OMERO_HOST: 'stub',
    OMERO_PORT: '4064',
    OMERO_USER: 'root',
    OMERO_PASSWORD: 'stub',
    STUB_SECONDS: String(o.seconds ?? 0),
    STUB_COUNTS: join(folder, 'counts'),
  };
  return { program: [python, packageFile('test', 'support', 'python', 'importer_service.py')], env };
}

/**
 * The real BIOMERO.importer service as a process of its own, with OMERO's client replaced; see `importer_service.py`. It
 * forks its workers, who go on when it alone is killed: all are one group of processes, which ends as a whole.
 */
export class PythonImporter {
  readonly #folder: string;
  readonly process: ChildProcess;
  readonly #leader: ProcessIdentity;
  #output = '';

  private constructor(folder: string, child: ChildProcess, leader: ProcessIdentity) {
    this.#folder = folder;
    this.process = child;
    this.#leader = leader;
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (this.#output += String(chunk)));
    process.once('exit', this.#kill);
  }

  /** @param seconds what importing one file costs */
  static async start(url: string, o: { maxWorkers?: number; seconds?: number } = {}): Promise<PythonImporter> {
    const folder = await mkdtemp(join(tmpdir(), 'biomero-bridge-python-'));
    const { program, env } = await layOutPythonImporter(folder, url, o);
    const child = spawn(program[0] ?? '', program.slice(1), {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
      detached: true,
    });
    const leader = child.pid === undefined ? null : identifyProcess(child.pid);
    if (leader === null) throw new Error(`${program[0]} did not start`);
    return new PythonImporter(folder, child, leader);
  }

  get output(): string {
    return this.#output;
  }

  /** How many OMERO sessions it has opened, and imports it has made. */
  async counts(): Promise<{ sessions: number; imports: number }> {
    const lines = (await readFile(join(this.#folder, 'counts'), 'utf8').catch(() => '')).split('\n');
    return {
      sessions: lines.filter((line) => line === 'session').length,
      imports: lines.filter((line) => line === 'import').length,
    };
  }

  /** Asks it alone to end, as a service manager does; what is left of it and its workers after a while is killed. */
  async stop(graceMs = 15_000): Promise<void> {
    const { process: child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(this.#kill, graceMs);
      await ended;
      clearTimeout(timer);
    }
    await stopProcessGroup(this.#leader, { graceMs: 0 });
    process.off('exit', this.#kill);
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Also when the tests end without having stopped it. */
  readonly #kill = (): void => void signalGroup(this.#leader, 'SIGKILL');
}
