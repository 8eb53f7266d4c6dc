import { expect, test } from 'vitest';
import { isTerminal, jobPhaseOfWord, stateWord } from './job-states.ts';

// States as a real Slurm 22.05 printed them.
test.each([
  ['COMPLETED', 'succeeded'],
  ['FAILED', 'failed'],
  ['TIMEOUT', 'failed'],
  ['PENDING', 'queued'],
  ['CANCELLED by 1001', 'cancelled'],
  ['PREEMPTED', 'failed'],
  ['NODE_FAIL', 'failed'],
  ['DEADLINE', 'failed'],
  ['OUT_OF_MEMORY', 'failed'],
  ['COMPLETING', 'finishing'],
  ['SUSPENDED', 'paused'],
  ['A_WORD_OF_TOMORROW', 'unknown'],
])('%s is %s', (state, phase) => expect(jobPhaseOfWord(state)).toBe(phase));

test('only an end is terminal: an unknown word is looked at again', () => {
  expect(isTerminal(jobPhaseOfWord('CANCELLED by 0'))).toBe(true);
  expect(isTerminal(jobPhaseOfWord('COMPLETING'))).toBe(false);
  expect(isTerminal(jobPhaseOfWord('A_WORD_OF_TOMORROW'))).toBe(false);
  expect(stateWord('CANCELLED+')).toBe('CANCELLED');
});
