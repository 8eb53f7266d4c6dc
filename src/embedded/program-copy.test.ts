import { execFileSync } from 'node:child_process';
import { onTestFinished, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { prepareDataFolder } from './data-folder.ts';
import { copyProgram } from './program-copy.ts';

const nobody = { uid: 65_534, gid: 65_534, name: 'nobody' };

test.runIf(process.getuid?.() === 0)('as root, the copy runs as that user, whatever the umask', async () => {
  const folder = await temporaryFolder('data');
  execFileSync('chmod', ['755', folder]);
  const umask = process.umask(0o077);
  onTestFinished(() => void process.umask(umask));
  prepareDataFolder(folder, nobody);
  const [node = '', ...main] = await copyProgram(folder, nobody);
  expect(execFileSync(node, [...main, '--version'], { ...nobody, cwd: folder }).toString()).toMatch(/^\d+\.\d+\.\d+/);
});
