import { expect, test } from 'vitest';
import { jobPhaseOfWord, meaningOf, stateWord, waitingSentence } from './job-states.ts';
import { jobState } from './observe.ts';
import { parseSacct, parseSqueue } from './queue.ts';

/**
 * Recorded with Slurm 22.05.8: `sacct -n -P -X -o JobID,JobIDRaw,State,ExitCode,NodeList,Start,End,Reason` with
 * SLURM_TIME_FORMAT=%s. The job names say how each was provoked.
 */
const recorded: [row: string, phase: string, what: string][] = [
  ['5|5|COMPLETED|0:0|localhost|1795468968|1795468969|None', 'succeeded', 'ok'],
  ['6|6|FAILED|3:0|localhost|1795468968|1795468969|None', 'failed', 'exit 3'],
  ['7|7|FAILED|0:11|localhost|1795468968|1795468969|None', 'failed', 'signal'],
  ['8|8|TIMEOUT|0:0|localhost|1795468968|1795469054|None', 'failed', 'time limit'],
  ['12|12|COMPLETED|0:0|localhost|1795468968|1795468969|Dependency', 'succeeded', 'after another'],
  ['10|10|PENDING|0:0|None assigned|Unknown|Unknown|DependencyNeverSatisfied', 'queued', 'never to run'],
  ['11|11|CANCELLED|0:0|None assigned|None|1795468969|Dependency', 'cancelled', 'dependency failed'],
  ['13|13|PENDING|0:0|None assigned|Unknown|Unknown|JobHeldUser', 'queued', 'held'],
  ['19|19|CANCELLED by 1001|0:0|localhost|1795468968|1795468969|None', 'cancelled', 'cancelled while running'],
  ['20|20|CANCELLED by 1001|0:0|None assigned|None|1795468969|None', 'cancelled', 'cancelled while waiting'],
  ['21|21|FAILED|0:9|localhost|1795468968|1795468969|None', 'failed', 'memory, without cgroups'],
  ['23|23|PREEMPTED|0:0|localhost|1795468968|1795468969|None', 'failed', 'preempted'],
  ['27|27|NODE_FAIL|0:0|localhost|1795468968|1795468969|None', 'failed', 'node down'],
  ['30|30|DEADLINE|1:0|None assigned|1795468968|1795468969|None', 'failed', 'deadline'],
  ['32|32|OUT_OF_MEMORY|0:125|localhost|1795468968|1795468969|None', 'failed', 'memory'],
  ['246|246|FAILED|0:53|localhost|1795468968|1795468969|None', 'failed', 'output path'],
];
const accounting = parseSacct(recorded.map(([row]) => `${row}\n`).join(''));

test.each(recorded)('%s is %s (%s)', (row, phase) => {
  const [id = '', , word = '', exit = ''] = row.split('|');
  const state = jobState(Number(id), [], accounting);
  expect(state).toMatchObject({ phase, word: word.split(' ')[0], terminal: phase !== 'queued' });
  expect(state.exit).toBe(state.terminal ? exit : null);
});

test('a job that neither names is unknown, and so is a word of tomorrow; neither has ended', () => {
  expect(jobState(99, [], accounting)).toMatchObject({ phase: 'unknown', terminal: false, word: '' });
  expect(jobState(99, [], parseSacct('99|99|TELEPORTED|0:0|n1|1|2|None'))).toMatchObject({
    phase: 'unknown',
    terminal: false,
  });
  expect(meaningOf('constructor')).toMatchObject({ phase: 'unknown', terminal: false });
  expect(stateWord('OUT_OF_ME+')).toBe('OUT_OF_ME');
  expect(jobPhaseOfWord('CANCELLED+')).toBe('cancelled');
});

test.each([
  ['CONFIGURING', 'starting'],
  ['COMPLETING', 'finishing'],
  ['SUSPENDED', 'paused'],
  ['REQUEUED', 'queued'],
  ['STAGE_OUT', 'running'],
])('%s is %s and goes on', (word, phase) => expect(meaningOf(word)).toMatchObject({ phase, terminal: false }));

test('the queue decides while the job lives; the accounting, which lags, does not overrule it', () => {
  const queue = parseSqueue('7|7|N/A|RUNNING|localhost|1795468968|1795472568|None\n');
  const state = jobState(7, queue, parseSacct('7|7|PENDING|0:0|None assigned|Unknown|Unknown|None'));
  expect(state).toMatchObject({ phase: 'running', node: 'localhost', reason: null, endedAt: null, exit: null });
  expect(state.startedAt).toEqual(new Date(1795468968_000));
});

test('an end is taken from the queue until the accounting has it, with the exit code', () => {
  const queue = parseSqueue('7|7|N/A|FAILED|localhost|1795468968|1795468998|NonZeroExitCode\n');
  const lagging = parseSacct('7|7|RUNNING|0:0|localhost|1795468968|Unknown|None');
  expect(jobState(7, queue, lagging)).toMatchObject({ word: 'FAILED', terminal: true, exit: null });
  expect(jobState(7, queue, [])).toMatchObject({ word: 'FAILED', terminal: true, endedAt: new Date(1795468998_000) });
  const caughtUp = parseSacct('7|7|FAILED|3:0|localhost|1795468968|1795468998|None');
  expect(jobState(7, queue, caughtUp)).toMatchObject({ word: 'FAILED', exit: '3:0' });
});

test('times that are only expected are not told as if they had been', () => {
  const queue = parseSqueue('6|6|N/A|PENDING||1827005069|NONE|Resources\n');
  expect(jobState(6, queue, [])).toMatchObject({
    phase: 'queued',
    reason: 'Resources',
    startedAt: null,
    endedAt: null,
    node: null,
  });
});

test('an array has ended when all its tasks have, and is as bad as its worst', () => {
  const rows = ['9_0|15', '9_1|16', '9_2|17', '9_3|18', '9_4|9'].map(
    (ids, n) => `${ids}|${n === 3 ? 'FAILED|1:0' : 'COMPLETED|0:0'}|localhost|${100 + n}|${200 + n}|None`,
  );
  const tasks = parseSacct(rows.join('\n'));
  expect(jobState(9, [], tasks)).toMatchObject({
    word: 'FAILED',
    exit: '1:0',
    startedAt: new Date(100_000),
    endedAt: new Date(204_000),
  });
  // Another job's id may be the own id of a task.
  expect(jobState(18, [], tasks)).toMatchObject({ jobId: 18, word: 'FAILED' });
  expect(jobState(15, [], tasks)).toMatchObject({ word: 'COMPLETED', terminal: true });
  // While the queue still names a waiting rest, nothing has ended.
  const queue = parseSqueue('9|9|4|PENDING||N/A|N/A|JobArrayTaskLimit\n15|9|0|COMPLETED|localhost|100|200|None\n');
  expect(jobState(9, queue, tasks)).toMatchObject({ phase: 'queued', terminal: false });
  // A lone row of an array whose tasks accounting has not written yet does not stand for all of them.
  const done = parseSqueue('15|9|0|COMPLETED|localhost|100|200|None\n9|9|1|COMPLETED|localhost|100|201|None\n');
  expect(jobState(9, done, parseSacct('9|9|FAILED|1:0|localhost|100|200|None'))).toMatchObject({ word: 'COMPLETED' });
});

test('lines that are no rows are passed over, and a bar in the reason stays in it', () => {
  expect(parseSqueue('Welcome to the cluster\n\nx|y|z|RUNNING||||\n')).toEqual([]);
  expect(parseSqueue('6|6|N/A|PENDING||N/A|N/A|Reserved|for maintenance\n')[0]?.reason).toBe(
    'Reserved|for maintenance',
  );
  expect(parseSacct('6.batch|6.batch|COMPLETED|0:0|n|1|2|None\n')).toEqual([]);
});

test.each([
  ['PENDING', 'Resources', null],
  ['PENDING', null, null],
  ['PENDING', 'BeginTime', null],
  ['RUNNING', 'JobHeldUser', null],
  ['PENDING', 'constructor', null],
  ['PENDING', 'JobHeldUser', 'it is on hold'],
  ['PENDING', 'DependencyNeverSatisfied', 'it waits for a job that ended otherwise'],
  ['PENDING', 'launch failed requeued held', 'Slurm put it back on hold'],
  ['PENDING', 'launch_failed_requeued_held', 'Slurm put it back on hold'],
  ['PENDING', 'job_requeued_in_held_state', 'Slurm put it back on hold'],
  ['REQUEUE_HOLD', null, 'put back into the queue on hold'],
])('a job that is %s for %s: what a person must do', (word, reason, part) => {
  const sentence = waitingSentence(word, reason);
  if (part === null) expect(sentence).toBeNull();
  else expect(sentence).toContain(part);
});
