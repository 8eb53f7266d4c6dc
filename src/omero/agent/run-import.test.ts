import { chmod, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { serverUser } from '../../../test/support/server-user.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { argumentFile, importArguments, refusalOf } from './command.ts';
import { describeExit } from './exit-code.ts';
import { runImport, type ImportRun } from './run-import.ts';
import type { ImportedFileset } from './output-reader.ts';

const key = '11111111-2222-3333-4444-555555555555';

/** Writes an executable that stands for the import program; `$@` are its arguments. */
async function program(folder: string, script: string, name = 'omero'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

async function run(script: string, options: Partial<ImportRun> & { folder: string; name?: string }) {
  const { folder, name, ...rest } = options;
  const logPath = join(folder, 'logs', 'import.log');
  // As root the process runs as another user.
  await chmod(folder, 0o777);
  const outcome = await runImport({
    command: [await program(folder, script, name), ...(name === 'java' ? ['Importer'] : ['import'])],
    omero: { host: 'omero.example.org', port: 4064, transport: 'ssl' },
    sessionKey: key,
    destination: { type: 'Dataset', id: 12 },
    paths: ['/data/a.tif'],
    skip: ['checksum', 'upgrade'],
    parallelUpload: 2,
    parallelFilesets: null,
    logPath,
    runAs: serverUser,
    signal: new AbortController().signal,
    graceMs: 300,
    ...rest,
  });
  return { outcome, logPath };
}

const done = (path: string): string =>
  `echo "2026-01-02 03:04:05,678 1234       [l.Client-0] INFO   ome.formats.importer.cli.LoggingImportMonitor - IMPORT_DONE Imported file: ${path}" >&2`;

describe('runImport', () => {
  test('gives the arguments in argv, the paths on stdin, and its own folders for sessions', async () => {
    const folder = await temporaryFolder('import');
    const { outcome, logPath } = await run(
      `printf '%s\\n' "$@" > ${folder}/argv; cat > ${folder}/stdin; echo "$OMERO_SESSIONDIR $OMERO_USERDIR" > ${folder}/env; ls -ld "$OMERO_SESSIONDIR" >> ${folder}/env`,
      { folder, paths: ['/data/a.tif', '/data/b c ü.tif'] },
    );
    expect(outcome).toEqual({ exitCode: 0, killed: null, filesets: [], errors: [], stderrTail: '' });
    expect((await readFile(join(folder, 'argv'), 'utf8')).trim().split('\n')).toEqual(
      `import -s omero.example.org -p 4064 -k ${key} --skip checksum --skip upgrade -c -d 12 --output yaml --transfer ln_s --parallel-upload 2 -`.split(
        ' ',
      ),
    );
    expect(await readFile(join(folder, 'stdin'), 'utf8')).toBe('/data/a.tif\n/data/b c ü.tif\n');
    const env = await readFile(join(folder, 'env'), 'utf8');
    expect(env).toMatch(/biomero-bridge-import-\w+\/sessions .*biomero-bridge-import-\w+\n/);
    expect(env).toContain('drwx------');
    const [sessions = ''] = env.split(' ');
    await expect(stat(sessions), 'the folder is gone afterwards').rejects.toThrow(/ENOENT/);
    expect((await stat(logPath)).mode & 0o777).toBe(0o600);
  });

  test('pairs filesets with files as they come, before the process ends', async () => {
    const folder = await temporaryFolder('import');
    const progress: ImportedFileset[] = [];
    const seen: string[] = [];
    const script = [
      `printf -- '---\\n- Fileset: 7\\n  Image: [1,2]\\n'`,
      done('/data/a.tif'),
      `while [ ! -e ${folder}/go-on ]; do sleep 0.05; done`,
      done('/data/plate/b.xdce'),
      `printf -- '---\\n- Fileset: 8\\n  Plate: [3]\\n  Image: [4, 5]\\n'`,
      `printf -- '---\\n- Fileset: 9\\n  Image: []\\n'`,
    ].join('\n');
    const { outcome } = await run(script, {
      folder,
      paths: ['/data/a.tif', '/data/plate/b.xdce'],
      onProgress: (fileset) => {
        progress.push({ ...fileset });
        seen.push(String(fileset.file));
        if (progress.length === 1) void writeFile(join(folder, 'go-on'), '');
      },
    });
    expect(progress).toEqual([
      { file: '/data/a.tif', filesetId: 7, imageIds: [1, 2], plateIds: [] },
      { file: '/data/plate/b.xdce', filesetId: 8, imageIds: [4, 5], plateIds: [3] },
      { file: null, filesetId: 9, imageIds: [], plateIds: [] },
    ]);
    expect(outcome.filesets).toEqual(progress);
    expect(outcome.exitCode).toBe(0);
  });

  test('tells per file why it was not imported, also when the exit code says all is well', async () => {
    const folder = await temporaryFolder('import');
    const paths = ['/data/x', '/data/x2.tif', '/data/good.tif', '/data/odd.tif', '/data/server.tif'];
    const script = `cat >&2 <<'END'
2026-01-02 03:04:05,678 1234       [      main] ERROR          ome.formats.importer.cli.ErrorHandler - FILE_EXCEPTION: /data/x2.tif
loci.formats.FormatException: Invalid TIFF file
	at loci.formats.in.MinimalTiffReader.initFile(MinimalTiffReader.java:471)
	... 12 more
Caused by: java.io.EOFException: 8 bytes are missing
	at loci.common.Foo.bar(Foo.java:1)
2026-01-02 03:04:06,000 1300       [      main] INFO      ome.formats.importer.ImportCandidates - 12 file(s) parsed
a line that belongs to nothing
2026-01-02 03:04:06,100 1400       [      main] WARN           ome.formats.importer.cli.ErrorHandler - UNKNOWN_FORMAT: /data/odd.tif
2026-01-02 03:04:06,200 1400       [      main] ERROR          ome.formats.importer.cli.ErrorHandler - INTERNAL_EXCEPTION: /data/server.tif
java.lang.RuntimeException: Failure response on import!
Category: ::omero::grid::ImportRequest
Name: import-request-failure
END
${done('/data/good.tif')}
printf -- '---\\n- Fileset: 1\\n  Image: [1]\\n'
echo '==> Summary' >&2`;
    const { outcome } = await run(script, { folder, paths });
    expect(outcome.exitCode).toBe(0);
    expect(outcome.filesets.map((f) => f.file)).toEqual(['/data/good.tif']);
    expect(outcome.errors).toEqual([
      {
        file: '/data/x2.tif',
        reason:
          'the file could not be read: loci.formats.FormatException: Invalid TIFF file Caused by: java.io.EOFException: 8 bytes are missing',
      },
      { file: '/data/odd.tif', reason: 'the format is not known to Bio-Formats' },
      {
        file: '/data/server.tif',
        reason:
          'the OMERO server could not import the file: java.lang.RuntimeException: Failure response on import! Category: ::omero::grid::ImportRequest Name: import-request-failure',
      },
    ]);
    expect(outcome.stderrTail).toContain('==> Summary');
  });

  test('the session key is in no log and no error text', async () => {
    const folder = await temporaryFolder('import');
    const { outcome, logPath } = await run(
      `echo "joining $7" >&2; echo "key=$7"; echo "FILE_EXCEPTION: /data/a.tif" >&2; echo "$7 is bad" >&2; exit 2`,
      { folder },
    );
    const log = await readFile(logPath, 'utf8');
    expect(log).toContain('joining ***');
    expect(`${log}${outcome.stderrTail}`).not.toContain(key);
    expect(outcome.exitCode).toBe(2);
    expect(JSON.stringify(outcome)).not.toContain(key);
  });

  test('names that stdin cannot carry are refused one by one, and alone start nothing', async () => {
    const folder = await temporaryFolder('import');
    const { outcome } = await run(`cat > ${folder}/stdin`, {
      folder,
      paths: ['/data/a\nb.tif', '/data/good.tif', '/data/edge.tif ', ' /data/c.tif'],
    });
    expect(await readFile(join(folder, 'stdin'), 'utf8')).toBe('/data/good.tif\n');
    expect(outcome.errors.map((e) => e.file)).toEqual(['/data/a\nb.tif', '/data/edge.tif ', ' /data/c.tif']);
    const none = await run(`touch ${folder}/started`, { folder, paths: ['/data/x\r.tif'] });
    expect(none.outcome).toMatchObject({ exitCode: null, killed: null, filesets: [] });
    expect(await readdir(folder)).not.toContain('started');
  });

  test('an abort ends the process and its children, by force when it does not listen', async () => {
    const folder = await temporaryFolder('import');
    const controller = new AbortController();
    const script = `trap '' TERM
(trap '' TERM; echo $$ > /dev/null; while :; do sleep 0.1; done) &
echo $! > ${folder}/child
printf -- '---\\n- Fileset: 7\\n  Image: [1]\\n---\\n- Fileset: 8\\n'
${done('/data/a.tif')}
while :; do sleep 0.1; done`;
    const { outcome } = await run(script, {
      folder,
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('stop')),
    });
    expect(outcome).toMatchObject({ exitCode: null, killed: 'SIGKILL' });
    expect(outcome.filesets[0]).toMatchObject({ filesetId: 7, file: '/data/a.tif' });
    const grandchild = Number(await readFile(join(folder, 'child'), 'utf8'));
    await expect.poll(() => isRunning(grandchild)).toBe(false);
  });

  test('an abort before the start starts nothing', async () => {
    const folder = await temporaryFolder('import');
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(run(`touch ${folder}/started`, { folder, signal })).rejects.toThrow('too late');
    expect(await readdir(folder)).not.toContain('started');
  });

  test('a program that is not there is said with its name', async () => {
    const folder = await temporaryFolder('import');
    await expect(run('', { folder, command: ['/nowhere/omero', 'import'] })).rejects.toMatchObject({
      code: 'IMPORT_PROGRAM_NOT_STARTED',
      message: 'The import program /nowhere/omero could not be started: ENOENT.',
    });
  });

  test('a log that cannot be written is said, and nothing is started', async () => {
    const folder = await temporaryFolder('import');
    await writeFile(join(folder, 'logs'), 'a file where the folder should be');
    await expect(run(`touch ${folder}/started`, { folder })).rejects.toMatchObject({
      code: 'IMPORT_LOG_NOT_WRITABLE',
      params: { path: join(folder, 'logs', 'import.log') },
    });
    expect(await readdir(folder)).not.toContain('started');
  });

  test('a process that does not read its paths, and one that floods stderr, end normally', async () => {
    const folder = await temporaryFolder('import');
    const paths = Array.from({ length: 20_000 }, (_, i) => `/data/${'x'.repeat(100)}${i}.tif`);
    const { outcome } = await run(
      'exec <&-; i=0; while [ $i -lt 3000 ]; do echo "line $i" >&2; i=$((i+1)); done; exit 1',
      {
        folder,
        paths,
      },
    );
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stderrTail.length).toBeLessThanOrEqual(8_192);
    expect(outcome.stderrTail).toContain('line 2999');
  });

  test('another command is given the memory of its Java, and none of our secrets', async () => {
    const folder = await temporaryFolder('import');
    process.env['BRIDGE_TEST_PASSWORD'] = 'hidden';
    onTestFinished(() => void delete process.env['BRIDGE_TEST_PASSWORD']);
    await run(`echo "$JAVA_OPTS" > ${folder}/java; env > ${folder}/env`, { folder, memory: '2g' });
    expect((await readFile(join(folder, 'java'), 'utf8')).trim().split(' ').at(-1)).toBe('-Xmx2g');
    expect(await readFile(join(folder, 'env'), 'utf8')).not.toContain('hidden');
  });

  test.skipIf(process.getuid?.() !== 0)('as root nothing is imported as root', async () => {
    const folder = await temporaryFolder('import');
    for (const runAs of [null, { uid: 0, gid: 0 }])
      await expect(run(`touch ${folder}/started`, { folder, runAs })).rejects.toMatchObject({ code: 'IMPORT_AS_ROOT' });
    expect(await readdir(folder)).not.toContain('started');
    await run(`id -u > ${folder}/id`, { folder });
    expect((await readFile(join(folder, 'id'), 'utf8')).trim()).toBe(String(serverUser?.uid));
  });
});

test('an exit code is said with what it means', () => {
  expect(describeExit(44)).toBe('exit code 44 (no connection to OMERO, or the sign-in was refused)');
  expect(describeExit(77)).toBe('exit code 77');
});

describe('arguments', () => {
  const base = {
    omero: { host: 'h', port: 1, transport: 'tcp' as const },
    sessionKey: 'k',
    destination: { type: 'Screen' as const, id: 3 },
    skip: ['all'],
    parallelUpload: null,
    parallelFilesets: 4,
  };

  test('plain TCP and a screen', () => {
    expect(importArguments(base, false).join(' ')).toBe(
      '-s tcp://h -p 1 -k k --skip all -c -r 3 --output yaml --transfer ln_s --parallel-fileset 4 -',
    );
  });

  test('"all" is spelled out for Java', () => {
    expect(importArguments(base, true).join(' ')).toMatch(/^-s tcp:\/\/h -p 1 .* --encrypted=true -$/);
    expect(importArguments(base, true).join(' ')).toContain(
      '--checksum-algorithm=File-Size-64 --no-stats-info --no-thumbnails --no-upgrade-check',
    );
  });

  test('the argument file quotes what Java would split', () => {
    expect(argumentFile(['a b', 'c"d\\'])).toBe('"a b"\n"c\\"d\\\\"\n');
  });

  test.each(['/data/ inside blank.tif', '/data/ü µ.tif', '/data/$x\'".tif', '/data/no\u00a0break\u00a0'])(
    '%j is fine',
    (path) => {
      expect(refusalOf(path)).toBeNull();
    },
  );
});

async function isRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return status !== null && !/\) Z /.test(status);
}
