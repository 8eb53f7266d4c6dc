import { expect, test } from 'vitest';
import { commandResult } from './command-result.ts';

test('what anybody added is a command with text as variables, or nothing', () => {
  const read = (value: unknown): unknown => commandResult.safeParse(value).data;
  expect(read({ command: 'sbatch x', env: { A: 'a', N: 3, T: true }, stdout: '' })).toEqual({
    command: 'sbatch x',
    env: { A: 'a', N: '3', T: 'true' },
  });
  expect(read({ command: 'sbatch x', env: null })).toEqual({ command: 'sbatch x', env: {} });
  for (const odd of [null, 'sbatch', ['sbatch'], { env: {} }, { command: 3, env: {} }])
    expect(read(odd)).toBeUndefined();
});
