/** Converts one file with a container: `convert-main CONTAINERS FILE LOGS`, and prints what came of it, as JSON. */
import type { ContainerConfig } from '../../src/config/config.ts';
import { convertFile } from '../../src/importer/preprocess/convert-file.ts';
import { parsePreprocessing } from '../../src/importer/preprocess/preprocessing.ts';
import { testImage } from '../support/podman.ts';

const [containers = '', file = '', logDir = ''] = process.argv.slice(2);
const work = parsePreprocessing('rootless', {
  id: 1,
  container: testImage,
  input_file: '{Files}',
  output_folder: '/data',
  alt_output_folder: '/out',
  extra_params: { mode: 'who' },
});
const conversion = await convertFile(
  {
    order: 'rootless',
    work,
    settings: JSON.parse(containers) as ContainerConfig,
    logDir,
    signal: new AbortController().signal,
    onStart: () => undefined,
  },
  file,
  1,
);
process.stdout.write(JSON.stringify(conversion));
