/** BIOMERO's own tracker, from PyPI, in a Python of its own: writes, reads and projects what is in a database. */
import { spawnSync } from 'node:child_process';
import { packageFile } from '../../src/lib/package-root.ts';
import { hasExecutable } from './optional-part.ts';

/** A Python with `biomero`, `eventsourcing_sqlalchemy` and `psycopg2`; BIOMERO_PYTHON names one that is not in PATH. */
const python = process.env['BIOMERO_PYTHON'] ?? 'python3';
export const pythonTrackerIsInstalled =
  (python.includes('/') || hasExecutable(python)) &&
  spawnSync(python, ['-c', 'import biomero.views, eventsourcing_sqlalchemy, psycopg2'], {
    env: { ...process.env, SQLALCHEMY_URL: 'sqlite://' },
  }).status === 0;

type Argument = string | number | null | object;
export type Command = [method: string, args: Argument[]];

export interface PeerRequest {
  listeners?: boolean;
  project?: boolean;
  commands?: Command[];
  read: { workflow: string | number; tasks: (string | number)[] };
}

export interface Peer {
  results: (string | null)[];
  seen: Record<'workflow' | 'tasks', Record<string, unknown>[]>;
}

export function askPythonTracker(databaseUrl: string, request: PeerRequest): Peer {
  const url = databaseUrl.replace(/^postgres(?:ql)?:/, 'postgresql+psycopg2:');
  const { status, stdout, stderr } = spawnSync(python, [packageFile('test/interop/biomero_peer.py')], {
    input: JSON.stringify({ listeners: false, project: false, commands: [], ...request, url }),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Peer;
}
