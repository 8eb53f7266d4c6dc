import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../../omero/rtypes.ts';
import type { IceObject } from '../../omero/ice/values.ts';
import { omeXml, tiff } from './import/tiff-for-tests.ts';
import { dataset, fresh, importUser, startTestOmero, TestClient, type TestOmero } from './testing.ts';
import { rstring } from '../../omero/rtypes.ts';

let omero: TestOmero;
let alice: TestClient;
let key: string;
let target: number;
let folder: string;

beforeAll(async () => {
  omero = await startTestOmero();
  alice = await TestClient.named(omero.port, 'alice', 'annotate');
  const context = (await alice.call('IAdmin', 'getEventContext', [])) as IceObject;
  key = String(context['sessionUuid']);
  folder = await mkdtemp(join(tmpdir(), 'biomero-bridge-sources-'));
  await chmod(folder, 0o755);
});
beforeEach(async () => {
  target = await alice.save(dataset('results'));
});
afterAll(async () => {
  alice?.close();
  await omero?.drop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

interface Outcome {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

function start(
  args: string[],
  stdin = '',
  env: Record<string, string> = {},
): { child: ChildProcess; ended: Promise<Outcome> } {
  const [command = '', ...before] = omero.importCommand;
  const child = spawn(command, [...before, ...args], {
    ...importUser,
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'], HOME: tmpdir(), ...env },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin?.end(stdin);
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, ended };
}

const common = (session = key): string[] => [
  '-s',
  'tcp://127.0.0.1',
  '-p',
  String(omero.port),
  '-k',
  session,
  '--transfer',
  'ln_s',
];
const into = (id = target): string[] => ['-c', '-d', String(id), '--output', 'yaml', '--skip', 'all'];

async function source(name: string, bytes = tiff([{ width: 4, height: 3 }])): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes, { mode: 0o644 });
  return path;
}

const imagesIn = (id: number): Promise<unknown[][]> =>
  alice.rows(
    'select i.id, i.name, i.fileset.id from DatasetImageLink l join l.child i where l.parent.id = :id order by i.id',
    { id },
  );

describe('an import in place', () => {
  it('links, registers and reports each file of one process', async () => {
    const description = omeXml([{ name: 'a' }, { name: 'b' }]);
    const paths = [
      await source('one:1.tif'),
      await source(
        'two.ome.tif',
        tiff([
          { width: 4, height: 3, description },
          { width: 4, height: 3 },
        ]),
      ),
    ];
    const { ended } = start([...common(), ...into(), '-'], `${paths.join('\n')}\n`);
    const { code, stdout, stderr } = await ended;
    expect(stderr).toContain('2 files uploaded, 2 filesets created, 3 images imported, 0 errors in 0:00:0');
    expect(code).toBe(0);
    const images = await imagesIn(target);
    expect(images.map(([, name]) => name)).toEqual(['one:1.tif', 'two.ome.tif [a]', 'two.ome.tif [b]']);
    const [[first, , firstSet], [second, , secondSet], [third]] = images as [unknown[], unknown[], unknown[]];
    expect(stdout).toBe(
      `---\n- Fileset: ${String(firstSet)}\n  Image: [${String(first)}]\n` +
        `---\n- Fileset: ${String(secondSet)}\n  Image: [${String(second)},${String(third)}]\n`,
    );
    const done = stderr.split('\n').filter((line) => line.includes('IMPORT_DONE'));
    expect(done.map((line) => line.slice(line.indexOf('IMPORT_DONE')))).toEqual(
      paths.map((p) => `IMPORT_DONE Imported file: ${p}`),
    );
    const stored = await alice.rows(
      'select u.clientPath, o.path, o.name from FilesetEntry u join u.originalFile o join u.fileset f join f.images i where i.id = :id',
      { id: first },
    );
    const [[clientPath, path, name]] = stored as [string[]];
    expect(clientPath).toBe(`${folder.slice(1)}/one;1.tif`);
    expect(path).toMatch(/^alice_\d+\/\d{4}-\d\d\/\d\d\/\d\d-\d\d-\d\d\.\d{3}\/$/);
    const link = join(omero.managedRepository, String(path), String(name));
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readlink(link)).toBe(paths[0]);
    const pixels = await alice.rows(
      'select p.sizeX, p.pixelsType.value, p.physicalSizeY.value, i.details.owner.omeName from Pixels p join p.image i where i.id = :id',
      { id: second },
    );
    expect(pixels).toEqual([[4, 'uint16', 250, 'alice']]);
    const view = await omero.database.pool.query(
      'select name, fileset_id, dataset_ids from omero_standin.images where id = $1',
      [first],
    );
    expect(view.rows).toEqual([{ name: 'one:1.tif', fileset_id: firstSet, dataset_ids: [String(target)] }]);
  });

  it('goes on after files that cannot be read, and leaves no image of them', async () => {
    const broken = tiff([{ width: 4, height: 3 }]);
    const undecodable = Buffer.from(broken);
    // Compression 9999 passes as a header and fails when the pixels are decoded.
    undecodable.writeUInt16LE(9999, broken.indexOf(Buffer.from([0x03, 0x01, 0x03, 0x00])) + 8);
    const paths = [
      await source('notes.txt', Buffer.from('no image')),
      await source('cut.tif', broken.subarray(0, 40)),
      await source('strange.tif', undecodable),
      await source('good.tif'),
    ];
    const { code, stdout, stderr } = await start([...common(), ...into(), '-'], paths.join('\n')).ended;
    expect(code).toBe(0);
    expect(stdout.match(/Fileset/g)).toHaveLength(1);
    expect(stderr).toMatch(/UNKNOWN_FORMAT: .*notes\.txt\n/);
    expect(stderr).toMatch(/FILE_EXCEPTION: .*cut\.tif\nloci\.formats\.FormatException: it is truncated/);
    expect(stderr).toMatch(/INTERNAL_EXCEPTION: .*strange\.tif\n.*cannot be decoded/);
    expect(stderr).toContain('1 image imported, 3 errors');
    expect((await imagesIn(target)).map(([, name]) => name)).toEqual(['good.tif']);
    const ghosts = await omero.database.pool.query(
      `select image_ids, unfinished from omero_standin.filesets where client_paths[1] like '%strange.tif'`,
    );
    expect(ghosts.rows).toEqual([{ image_ids: [], unfinished: false }]);
  });

  it('makes a plate of each file in a screen', async () => {
    const screen = await alice.save(fresh('Screen', { name: rstring('screen') }));
    const args = [...common(), '-r', String(screen), '--output', 'yaml', await source('plate.tif')];
    const { code, stdout } = await start(args).ended;
    expect(code).toBe(0);
    const rows = await alice.rows(
      'select distinct i.fileset.id, p.id from Plate p join p.wells w join w.wellSamples ws join ws.image i join p.screenLinks s where s.parent.id = :id',
      { id: screen },
    );
    expect(rows).toHaveLength(1);
    expect(stdout).toBe(`---\n- Fileset: ${String(rows[0]?.[0])}\n  Plate: [${String(rows[0]?.[1])}]\n`);
  });

  it("ends with the importer's exit codes", async () => {
    const good = await source('code.tif');
    const text = await source('code.txt', Buffer.from('x'));
    const dead = '00000000-0000-0000-0000-000000000000';
    const cases: [string[], string, number, string][] = [
      [[...common(), ...into(), text], '', 0, 'No imports due to errors!'],
      [[...common(), ...into(), '-'], '\n\n', 1, 'No imports found'],
      [[...common(), '-d', String(target), text, good], '', 2, '1 error in'],
      [[...common(), ...into(987_654), good], '', 2, 'Dataset:987654 does not exist'],
      [[...common(dead), ...into(), good], '', 11, 'Bad session key'],
      [[...common(), '--bulk', 'x'], '', 1, 'usage'],
    ];
    for (const [args, stdin, code, message] of cases) {
      const outcome = await start(args, stdin).ended;
      expect(outcome.stderr).toContain(message);
      expect(outcome.code).toBe(code);
    }
  });

  it('refuses a target of another user that cannot be linked to', async () => {
    const bob = await TestClient.named(omero.port, 'bob', 'annotate');
    const id = await bob.save(dataset('bobs'));
    const { code, stderr } = await start([...common(), ...into(id), await source('bob.tif')]).ended;
    expect(stderr).toContain(`Dataset:${id} cannot be linked to`);
    expect(code).toBe(2);
    bob.close();
  });

  it.runIf(process.getuid?.() === 0)('refuses to run as root', async () => {
    const [command = '', ...before] = omero.importCommand;
    const child = spawn(command, [...before, ...common()], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(1);
    expect(stderr).toContain('FATAL: Running omero as root');
  });
});

describe('an import that is interrupted', () => {
  const unfinished = (id: number): Promise<unknown[][]> =>
    alice.rows(
      'select distinct l.parent.id from FilesetJobLink l join l.child j where l.parent.id = :id and j.started is not null and j.finished is null',
      { id },
    );
  const filesetOf = async (name: string): Promise<number | null> => {
    const path = `${folder.slice(1)}/${name}`;
    const [row] = await alice.rows('select f.id from FilesetEntry u join u.fileset f where u.clientPath = :path', {
      path,
    });
    return row ? Number(row[0]) : null;
  };

  it('by SIGKILL leaves an unfinished job and no image', async () => {
    const { child, ended } = start([...common(), ...into(), await source('killed.tif')], '', {
      OMERO_STANDIN_PAUSE_MS: '60000',
    });
    await expect.poll(() => filesetOf('killed.tif'), { timeout: 15_000 }).not.toBeNull();
    child.kill('SIGKILL');
    expect((await ended).signal).toBe('SIGKILL');
    const id = Number(await filesetOf('killed.tif'));
    expect(await unfinished(id)).toEqual([[id]]);
    expect(await imagesIn(target)).toEqual([]);
    expect(await alice.rows('select i.id from Image i where i.fileset.id = :id', { id })).toEqual([]);
  });

  it('by the end of its session stops with an error and adds nothing', async () => {
    const admin = await TestClient.open(omero.port, 'bridge', 'bridge-secret');
    const principal = { $type: '::omero::sys::Principal', name: 'alice', group: 'annotate', eventType: 'User' };
    const session = (await admin.call('ISession', 'createSessionWithTimeouts', [principal, 0, 60_000])) as IceObject;
    const paths = [await source('ended.tif'), await source('never.tif')];
    const { ended } = start([...common(String(unwrap(session['uuid']))), ...into(), ...paths], '', {
      OMERO_STANDIN_PAUSE_MS: '2000',
    });
    await expect.poll(() => filesetOf('ended.tif'), { timeout: 15_000 }).not.toBeNull();
    expect(await admin.call('ISession', 'closeSession', [session])).toBe(-2);
    const { code, stderr } = await ended;
    expect(code).toBe(2);
    expect(stderr).toContain('Error during import process.');
    expect(await filesetOf('never.tif')).toBeNull();
    expect(await imagesIn(target)).toEqual([]);
    admin.close();
  });
});

describe('the managed repository', () => {
  it('gets a folder per file although they come in the same millisecond', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `many-${i}.tif`);
    const halves = [names.slice(0, 6), names.slice(6)];
    await Promise.all(
      halves.map(async (half) => {
        const paths = await Promise.all(half.map((name) => source(name)));
        expect((await start([...common(), ...into(), '-'], paths.join('\n')).ended).code).toBe(0);
      }),
    );
    expect(await imagesIn(target)).toHaveLength(12);
    const all = await readdir(omero.managedRepository, { recursive: true, withFileTypes: true });
    const files = all.filter((entry) => !entry.isDirectory());
    expect(files.every((entry) => entry.isSymbolicLink())).toBe(true);
    expect(new Set(files.map((entry) => entry.parentPath)).size).toBe(files.length);
  });

  it('that cannot be written to is told with path and uid', async () => {
    await mkdir(omero.managedRepository, { recursive: true });
    await chmod(omero.managedRepository, 0o555);
    try {
      const { code, stderr } = await start([...common(), ...into(), await source('closed.tif')]).ended;
      expect(code).toBe(2);
      expect(stderr).toContain(
        `You likely do not have access to the ManagedRepository for in-place import: ${omero.managedRepository}`,
      );
    } finally {
      await chmod(omero.managedRepository, 0o755);
    }
  });
});
