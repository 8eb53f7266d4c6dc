/**
 * The quick start's `omero import`: takes the arguments of OMERO's own command, links or copies images into the managed
 * repository and registers them through the server, in a process of its own and as the user of a session.
 */
import { parseArguments } from './import/arguments.ts';
import { runImport } from './import/run.ts';
import { UsageError } from './import/usage-error.ts';

const maxInput = 64 << 20;

async function pathsFromStdin(): Promise<string[]> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    size += (chunk as Buffer).length;
    if (size > maxInput) throw new UsageError('more paths than this importer takes');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

async function main(): Promise<number> {
  if (process.getuid?.() === 0) {
    process.stderr.write('FATAL: Running omero as root can corrupt your directory permissions.\n');
    return 1;
  }
  try {
    const args = parseArguments(process.argv.slice(2));
    const paths = [...args.paths, ...(args.readsStdin ? await pathsFromStdin() : [])];
    return await runImport(args, paths, { pauseMs: Number(process.env['OMERO_STANDIN_PAUSE_MS'] ?? 0) });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(
      `${error.message}\nusage: omero import -s HOST -p PORT -k KEY [-d N | -r N] [--transfer ln_s] PATH…\n`,
    );
    return 1;
  }
}

process.exitCode = await main();
