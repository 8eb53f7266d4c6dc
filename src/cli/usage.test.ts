import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { packageFile } from '../lib/package-root.ts';

function cli(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [packageFile('dist', 'src', 'main.js'), ...args], { encoding: 'utf8' });
}

test.each([
  [['archive', 'verify'], "missing required argument 'path'"],
  [['archive', 'verify', '--nope', '/'], "unknown option '--nope'"],
  [['nope'], "unknown command 'nope'"],
])('%j is wrong usage, and never mistaken for an archive that differs', (args, reason) => {
  const { status, stdout, stderr } = cli(...args);
  expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
  expect(stderr.trim().split('\n')).toEqual([`error: ${reason}`, '(biomero-bridge --help lists the commands)']);
});

test.each([['--help'], ['--version'], ['archive', 'verify', '--help']])(
  '%j is answered with exit code 0',
  (...args) => {
    const { status, stdout, stderr } = cli(...args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).not.toBe('');
  },
);
