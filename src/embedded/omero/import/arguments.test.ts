import { describe, expect, it } from 'vitest';
import { importArguments } from '../../../omero/agent/command.ts';
import { parseArguments } from './arguments.ts';

const base = ['import', '-s', 'tcp://127.0.0.1', '-p', '4064', '-k', 'key', '--transfer=ln_s'];

describe('arguments of the importer', () => {
  it('are understood as the product gives them', () => {
    const given = importArguments(
      {
        omero: { host: 'omero.example', port: 4064, transport: 'tcp' },
        sessionKey: 'key',
        destination: { type: 'Screen', id: 7 },
        skip: ['all'],
        parallelUpload: 2,
        parallelFilesets: 3,
      },
      false,
    );
    expect(parseArguments(['import', ...given])).toEqual({
      host: 'omero.example',
      port: 4064,
      transport: 'tcp',
      key: 'key',
      target: { type: 'Screen', id: 7 },
      transfer: 'ln_s',
      continueOnError: true,
      output: 'yaml',
      name: null,
      paths: [],
      readsStdin: true,
    });
  });

  it('take targets in three forms, one of them', () => {
    expect(parseArguments([...base, '-T', 'Dataset:id:5', 'a.tif']).target).toEqual({ type: 'Dataset', id: 5 });
    expect(parseArguments([...base, '--target=Screen:6', 'a.tif']).target).toEqual({ type: 'Screen', id: 6 });
    expect(parseArguments([...base, 'a.tif'])).toMatchObject({ target: null, paths: ['a.tif'], readsStdin: false });
    expect(() => parseArguments([...base, '-d', '1', '-r', '2'])).toThrow('more than one target');
  });

  it('are refused when they ask for what is not there', () => {
    const wrong: [string[], string][] = [
      [['-T', 'Dataset:name:x'], 'not supported'],
      [['--transfer', 'upload'], '2 times'],
      [['--bulk', 'x.yml'], '--bulk'],
      [['--skip', 'all', '--checksum-algorithm', 'SHA1-160'], 'twice'],
      [['--output', 'legacy'], 'legacy'],
      [['-d'], 'needs a value'],
      [['-d', '1; rm'], 'no id'],
      [['-p', '0'], '2 times'],
    ];
    for (const [more, message] of wrong) expect(() => parseArguments([...base, ...more])).toThrow(message);
    expect(() => parseArguments(['import', '-k', 'key', '--transfer', 'mv', 'a.tif'])).toThrow('only ln_s');
    expect(parseArguments(['import', '-k', 'key', 'a.tif']).transfer).toBe('upload');
  });
});
