import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { packageFile } from '../../src/lib/package-root.ts';
import { readOptions, usage, UsageError } from './options.ts';

const folders = ['--infolder', 'in', '--outfolder', 'out'];

describe('readOptions', () => {
  it('needs only the folders', () => {
    expect(readOptions(folders)).toEqual({
      infolder: 'in',
      outfolder: 'out',
      diameter: 0,
      minArea: 0,
      threshold: 'otsu',
      channel: 'auto',
    });
  });

  it('takes values in both spellings and the flags that every BIAFLOWS workflow gets', () => {
    const argv = [
      ...folders,
      '--gtfolder',
      'gt',
      '--local',
      '-nmc',
      '--diameter=21.5',
      '--min_area',
      '30',
      '--threshold=1e3',
      '--channel',
      '2',
    ];
    expect(readOptions(argv)).toMatchObject({ diameter: 21.5, minArea: 30, threshold: 1000, channel: 2 });
  });

  it.each([
    [[...folders, '--diametre', '3'], /Unknown option "--diametre"/],
    [[...folders, 'stray'], /Unknown option "stray"/],
    [[...folders, '--diameter'], /--diameter needs a value/],
    [[...folders, '--diameter', 'None'], /--diameter takes a number.*"None"/],
    [[...folders, '--min_area', '-1'], /not negative/],
    [[...folders, '--threshold', 'auto'], /--threshold takes a number/],
    [[...folders, '--channel', '0'], /--channel takes/],
    [['--infolder', 'in'], /--outfolder is needed/],
    [['--infolder=', '--outfolder', 'out'], /--infolder is needed/],
  ])('refuses %j', (argv, message) => {
    expect(() => readOptions(argv)).toThrow(UsageError);
    expect(() => readOptions(argv)).toThrow(message);
  });

  it('knows every flag of the descriptor, with the default it names, and the usage text names it', async () => {
    const text = await readFile(packageFile('workflows', 'nuclei', 'descriptor.json'), 'utf8');
    const { inputs } = JSON.parse(text) as { inputs: { 'command-line-flag': string; 'default-value': unknown }[] };
    expect(inputs.length).toBe(4);
    for (const input of inputs) {
      const argv = [...folders, `${input['command-line-flag']}=${String(input['default-value'])}`];
      expect(readOptions(argv)).toEqual(readOptions(folders));
      expect(usage).toContain(input['command-line-flag']);
    }
  });
});
