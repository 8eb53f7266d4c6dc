import { expect, test } from 'vitest';
import { Ini, IniError } from './ini.ts';

function read(...texts: string[]): Ini {
  const ini = new Ini();
  for (const [i, text] of texts.entries()) ini.read(text, `/file${i}.ini`);
  return ini;
}

test('a later file wins key by key, and the origin of a value is kept', () => {
  const ini = read('[SLURM]\na = 1\nb = 1\n', '[SLURM]\n# comment\nB: 2\n');
  expect(ini.get('SLURM', 'a')).toEqual({ value: '1', file: '/file0.ini', line: 2 });
  expect(ini.get('SLURM', 'b')).toEqual({ value: '2', file: '/file1.ini', line: 3 });
});

test('DEFAULT is inherited but is no own key', () => {
  const ini = read('[DEFAULT]\nroot = /scratch\n[SLURM]\ndata = %(root)s/data\n');
  expect(ini.get('SLURM', 'root')?.value).toBe('/scratch');
  expect(ini.get('SLURM', 'data')?.value).toBe('/scratch/data');
  expect(ini.ownKeys('SLURM')).toEqual(['data']);
  expect(ini.get('ELSEWHERE', 'root')).toBeNull();
});

test('what Python refuses is an error that names the line', () => {
  const cases: [string, number][] = [
    ['[A]\nx = 1\nX = 2\n', 3],
    ['[A]\n[B]\n[A]\n', 3],
    ['x = 1\n', 1],
    ['[A]\n = 1\n', 2],
    ['[A]\nx\n  more\n', 3],
  ];
  for (const [text, line] of cases)
    expect(() => read(text), text).toThrow(expect.objectContaining({ name: 'IniError', line }));
});

test('a wrong percent sign shows when the value is asked for, not before', () => {
  const ini = read('[A]\nok = 1\nhalf = 50%\nlost = %(nothing)s\nloop = %(loop)s\n');
  expect(ini.get('A', 'ok')?.value).toBe('1');
  for (const key of ['half', 'lost', 'loop']) expect(() => ini.get('A', key), key).toThrow(IniError);
});
