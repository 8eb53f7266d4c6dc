import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import type { ContainerConfig } from '../../src/config/config.ts';
import type { Conversion } from '../../src/importer/preprocess/conversions.ts';
import { ownProgram } from '../../src/lib/package-root.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { buildTestImage, hasPodman, podmanCommand } from '../support/podman.ts';
import { serverUser } from '../support/server-user.ts';

describeWithPart('podman', hasPodman, 'without root', () => {
  test('an ordinary user converts a file, and what is made is his', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bb-rootless-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    chmodSync(folder, 0o755);
    const user = serverUser ?? { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };
    const file = join(folder, 'source', 'scan.lif');
    for (const name of ['source', 'logs', 'home', 'xdg']) {
      mkdirSync(join(folder, name), { mode: 0o700 });
      if (serverUser) chownSync(join(folder, name), user.uid, user.gid);
    }
    writeFileSync(file, 'pixels', { mode: 0o644 });
    if (serverUser) for (const path of [file, folder]) chownSync(path, user.uid, user.gid);
    const command = podmanCommand(folder);
    const as = {
      ...(serverUser ? { uid: user.uid, gid: user.gid } : {}),
      cwd: folder,
      env: { ...process.env, HOME: join(folder, 'home'), XDG_RUNTIME_DIR: join(folder, 'xdg') },
    };
    // As that user: the storage of its podman is its own.
    const [program = '', ...args] = command;
    buildTestImage(command, as);
    const info = execFileSync(program, [...args, 'info', '--format', '{{.Host.Security.Rootless}}'], as);
    expect(String(info).trim()).toBe('true');
    const containers: ContainerConfig = {
      command,
      network: 'none',
      memory: '512m',
      seconds: 60,
      images: [],
      scratch: null,
      keepId: false,
    };
    const [node = '', ...main] = ownProgram('test/preprocess/convert-main');
    const argv = [...main, JSON.stringify(containers), file, join(folder, 'logs')];
    const { stdout } = await promisify(execFile)(node, argv, { ...as, timeout: 120_000 });
    const conversion = JSON.parse(stdout) as Conversion;
    expect(conversion).toMatchObject({ path: file, outputs: [{ name: '1 of scan.lif' }] });
    const [output] = conversion.outputs;
    expect(readFileSync(output?.path ?? '', 'utf8')).toBe('pixels');
    expect([statSync(output?.path ?? '').uid, statSync(file).uid]).toEqual([user.uid, user.uid]);
  }, 180_000);
});
