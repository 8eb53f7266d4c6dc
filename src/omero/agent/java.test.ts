import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { describeWithPart, hasExecutable } from '../../../test/support/optional-part.ts';
import { serverUser } from '../../../test/support/server-user.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { runImport } from './run-import.ts';

const key = '11111111-2222-3333-4444-555555555555';
const main = 'ome.formats.importer.cli.CommandLineImporter';

/** A folder that the import process may write, whoever it is. */
async function openFolder(): Promise<string> {
  const folder = await temporaryFolder('java');
  await chmod(folder, 0o777);
  return folder;
}

function run(folder: string, java: string, paths = ['/data/a.tif', '/data/b c ü.tif']) {
  return runImport({
    command: [java, '-cp', join(folder, 'libs', '*'), main],
    memory: '96m',
    omero: { host: 'omero.example.org', port: 4064, transport: 'ssl' },
    sessionKey: key,
    destination: { type: 'Screen', id: 12 },
    paths,
    skip: ['checksum', 'upgrade'],
    parallelUpload: 2,
    parallelFilesets: null,
    logPath: join(folder, 'import.log'),
    runAs: serverUser,
    signal: new AbortController().signal,
  });
}

/** Services often run without a locale, and then Java takes names for ASCII. */
async function inLocale<T>(locale: string, work: () => Promise<T>): Promise<T> {
  const before = process.env['LC_ALL'];
  process.env['LC_ALL'] = locale;
  try {
    return await work();
  } finally {
    if (before === undefined) delete process.env['LC_ALL'];
    else process.env['LC_ALL'] = before;
  }
}

const importerArguments = `-s omero.example.org -p 4064 -k ${key} --checksum-algorithm=File-Size-64 --no-upgrade-check -c -r 12 --output yaml --transfer ln_s --parallel-upload 2 --encrypted=true -`;

describe('a recording Java', () => {
  /** An executable called java that notes what it is given, says something, and waits until its argument file is gone. */
  async function recordingJava(folder: string, firstWords: string): Promise<string> {
    const path = join(folder, 'java');
    const script = `#!/bin/sh
printf '%s\\n' "$@" > ${folder}/argv
file=\${1#@}
cp "$file" ${folder}/arguments
stat -c '%a %u' "$file" > ${folder}/mode
cp "$(dirname "$file")/logback.xml" ${folder}/logback.xml
env > ${folder}/env
cat > ${folder}/stdin
${firstWords}
i=0; while [ -e "$file" ] && [ $i -lt 100 ]; do sleep 0.02; i=$((i+1)); done
[ -e "$file" ] && echo kept > ${folder}/after || echo gone > ${folder}/after
`;
    await writeFile(path, script);
    await chmod(path, 0o755);
    return path;
  }
  const recorded = async (folder: string, name: string): Promise<string> =>
    (await readFile(join(folder, name), 'utf8')).trim();

  test('gets everything in a file that only it can read, and that goes once it has spoken', async () => {
    const folder = await openFolder();
    const java = await recordingJava(folder, `echo '2026-01-02 03:04:05,678 5 [main] INFO a.B - Log' >&2`);
    const outcome = await run(folder, java);
    expect(outcome).toMatchObject({ exitCode: 0, filesets: [], errors: [] });

    expect(await recorded(folder, 'argv')).toMatch(/^@\S+\/arguments$/);
    const given = (await recorded(folder, 'arguments')).split('\n').map((a) => JSON.parse(a) as string);
    const at = given.indexOf(main);
    expect(given.slice(at + 1).join(' ')).toBe(importerArguments);
    const own = /[^\s=]*biomero-bridge-import-\w+/.exec(given.join(' '))?.[0] ?? '?';
    expect(given.slice(0, at)).toEqual([
      '-Xmx96m',
      '-XX:-UsePerfData',
      '-Djava.awt.headless=true',
      '-Dfile.encoding=UTF-8',
      `-Djava.io.tmpdir=${own}/tmp`,
      `-Duser.home=${own}`,
      `-Dlogback.configurationFile=${own}/logback.xml`,
      '-cp',
      join(folder, 'libs', '*'),
    ]);
    const uid = serverUser?.uid ?? process.getuid?.();
    expect(await recorded(folder, 'mode')).toBe(`600 ${uid}`);
    expect(await recorded(folder, 'stdin')).toBe('/data/a.tif\n/data/b c ü.tif');
    expect(await recorded(folder, 'env')).not.toContain(key);
    expect(await recorded(folder, 'env')).toContain(`OMERO_USERDIR=${own}\n`);
    expect(await recorded(folder, 'logback.xml')).toContain('<target>System.err</target>');
    expect(await recorded(folder, 'after')).toBe('gone');
    expect(await recorded(folder, 'import.log')).not.toContain(key);
  });

  test('a key that an importer left when it died goes with the next import', async () => {
    const left = await mkdtemp(join(tmpdir(), 'biomero-bridge-import-'));
    onTestFinished(() => rm(left, { recursive: true, force: true }));
    const [old, recent] = [join(left, 'arguments'), join(left, 'other')];
    for (const file of [old, recent]) await writeFile(file, key);
    const anHourAgo = Date.now() / 1000 - 3600;
    const folder = await openFolder();
    const java = await recordingJava(folder, 'true');
    await run(folder, java);
    expect(await readFile(old, 'utf8'), 'it may be of an import that starts just now').toBe(key);
    await utimes(old, anHourAgo, anHourAgo);
    await run(folder, java);
    await expect(readFile(old)).rejects.toThrow(/ENOENT/);
    expect(await readFile(recent, 'utf8')).toBe(key);
  });

  test("the launcher's own note does not count as speaking: Java may not have read the file yet", async () => {
    const folder = await openFolder();
    await run(folder, await recordingJava(folder, `echo 'NOTE: Picked up JDK_JAVA_OPTIONS: -Dx=y' >&2`));
    expect(await recorded(folder, 'after')).toBe('kept');
  });
});

const javaIsThere = hasExecutable('java') && hasExecutable('javac') && hasExecutable('jar');
describeWithPart('Java', javaIsThere, 'the import process', () => {
  test('a real Java finds the jars, its arguments and its memory, and shows the key to nobody', async () => {
    const folder = await openFolder();
    const source = join(folder, 'ome', 'formats', 'importer', 'cli');
    await mkdir(source, { recursive: true });
    await mkdir(join(folder, 'libs'));
    await writeFile(
      join(source, 'CommandLineImporter.java'),
      `package ome.formats.importer.cli;
import java.nio.file.*;
public class CommandLineImporter {
  public static void main(String[] args) throws Exception {
    String paths = new String(System.in.readAllBytes());
    String exists = String.valueOf(new java.io.File(paths.split("\\n")[1]).exists());
    String commandLine = new String(Files.readAllBytes(Paths.get("/proc/self/cmdline")), "UTF-8").replace('\\0', ' ');
    String megabytes = String.valueOf(Runtime.getRuntime().maxMemory() >> 20);
    String home = System.getProperty("user.home") + " " + System.getProperty("java.io.tmpdir");
    String[] lines = { String.join(" ", args), commandLine, megabytes, home, exists, paths };
    Files.write(Paths.get("${folder}/recorded"), String.join("\\n", lines).getBytes("UTF-8"));
    System.err.println("2026-01-02 03:04:05,678 1 [main] INFO ome.X - IMPORT_DONE Imported file: /data/a.tif");
    System.out.println("---\\n- Fileset: 7\\n  Image: [1]");
  }
}
`,
    );
    const tool = (name: string, ...args: string[]): void => {
      const { status, stderr } = spawnSync(name, args, { cwd: folder, encoding: 'utf8' });
      if (status !== 0) throw new Error(`${name}: ${stderr}`);
    };
    tool('javac', '-d', 'classes', join(source, 'CommandLineImporter.java'));
    tool('jar', 'cf', 'libs/importer.jar', '-C', 'classes', '.');
    const file = join(folder, 'b c ü.tif');
    await writeFile(file, '');
    const outcome = await inLocale('POSIX', () => run(folder, 'java', ['/data/a.tif', file]));
    expect(outcome.stderrTail).toContain('IMPORT_DONE');
    expect(outcome.filesets).toEqual([{ filesetId: 7, imageIds: [1], plateIds: [], file: '/data/a.tif' }]);
    const [args, commandLine, megabytes, home, exists, ...paths] = (
      await readFile(join(folder, 'recorded'), 'utf8')
    ).split('\n');
    expect(args).toBe(importerArguments);
    expect(commandLine).toMatch(/^java @\S+\/arguments $/);
    expect(Number(megabytes)).toBeGreaterThan(85);
    expect(Number(megabytes)).toBeLessThanOrEqual(96);
    expect(home).toMatch(/^(\S+) \1\/tmp$/);
    expect(paths).toEqual(['/data/a.tif', join(folder, 'b c ü.tif'), '']);
    expect(exists, 'a name beyond ASCII').toBe('true');
  });
});
