/**
 * The sample workflow as a program: counts and outlines bright nuclei. Exit codes: 0 all images analysed; 1 an image
 * failed or none was there, results of the others stay; 2 the command line was wrong.
 */
import { analyseFolder } from './analyse-folder.ts';
import { readOptions, usage, UsageError } from './options.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const complain = (line: string): void => void process.stderr.write(`${line}\n`);

process.exitCode = await run(process.argv.slice(2));

async function run(argv: string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    say(usage);
    return 0;
  }
  try {
    const options = readOptions(argv);
    const { images, failed } = await analyseFolder(options, say);
    for (const { name, reason } of failed) complain(`${JSON.stringify(name)}: ${reason}`);
    if (!images.length) complain(`No TIFF image in ${JSON.stringify(options.infolder)} could be analysed.`);
    const nuclei = images.reduce((sum, image) => sum + image.nuclei, 0);
    say(`${nuclei} nuclei in ${images.length} images; ${failed.length} images failed`);
    return images.length && !failed.length ? 0 : 1;
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
    if (!(error instanceof UsageError)) return 1;
    complain(usage);
    return 2;
  }
}
