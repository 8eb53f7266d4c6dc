// An apptainer that runs nothing: it takes exactly the options that apptainer 1.3 documents and are used here, refuses all
// others, holds to the mounts, and does what the test's converter does. Prints its arguments to RECORDED_APPTAINER.
import { accessSync, appendFileSync, constants, copyFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const refuse = (words) => {
  process.stderr.write(`Error: ${words}\n`);
  process.exit(255);
};
const argv = process.argv.slice(2);
appendFileSync(process.env.RECORDED_APPTAINER, `${JSON.stringify(argv)}\n`);
if (argv.shift() !== 'run') refuse('unknown command');
const flags = new Set(['--containall', '--cleanenv', '--no-home', '--no-privs', '--writable-tmpfs', '--net']);
const valued = new Set(['--network', '--memory', '--bind']);
const given = { '--bind': [] };
while (argv[0]?.startsWith('-')) {
  const flag = argv.shift();
  if (flags.has(flag)) given[flag] = true;
  else if (!valued.has(flag)) refuse(`unknown flag: ${flag}`);
  else if (flag === '--bind') given[flag].push(argv.shift());
  else given[flag] = argv.shift();
}
const image = argv.shift() ?? '';
if (!image.startsWith('docker://')) refuse(`no such image: ${String(image)}`);
if (given['--network'] && !given['--net']) refuse('--network without --net');
const mounts = given['--bind'].map((bind) => {
  const [from, to, mode, ...more] = bind.split(':');
  if (!to || !['rw', 'ro'].includes(mode) || more.length) refuse('invalid bind');
  return { from, to, mode };
});
// The mount with the longest path that holds the file, as the kernel has it.
const outside = (path, writing) => {
  const [mount] = mounts.filter((m) => path.startsWith(`${m.to}/`)).sort((a, b) => b.to.length - a.to.length);
  if (!mount) refuse(`${path}: no such file or directory`);
  if (writing && mount.mode === 'ro') refuse(`${path}: Read-only file system`);
  return join(mount.from, path.slice(mount.to.length + 1));
};
const option = (name) => argv[argv.indexOf(name) + 1];
const input = option('--inputfile');
accessSync(outside(input), constants.R_OK);
if (basename(input).includes('broken')) {
  process.stderr.write('unknown block 7\n');
  process.exit(3);
}
const made = join(option('--outputfolder'), 'made.tif');
copyFileSync(outside(input), outside(made, true));
process.stdout.write(`${JSON.stringify([{ name: 'made.tif', full_path: made, alt_path: null }])}\n`);
