import { expect, test } from 'vitest';
import { createLogger } from './logger.ts';

function written(level: string, work: (log: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  work(createLogger({ level, destination: { write: (line) => void lines.push(line) } }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('a line is one JSON object with time, level and the fields of its logger', () => {
  const lines = written('info', (log) => {
    log.child({ run: 'r', job: 7, order: 'o' }).info({ files: 3 }, 'archived\nall');
    log.debug('not asked for');
  });
  expect(lines).toEqual([
    expect.objectContaining({ level: 'info', run: 'r', job: 7, order: 'o', files: 3, msg: 'archived\nall' }),
  ]);
  expect(lines[0]?.['time']).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
});

test('no secret reaches a line', () => {
  const lines = written('info', (log) => {
    log.info({ password: 'geheim', omero: { key: 'geheim', deep: { sessionUuid: 'geheim' } }, token: 'geheim' }, 'x');
    log.child({ token: 'geheim' }).info('x');
    log.info({ url: 'postgresql://u:geheim@h/d' }, 'cannot reach postgresql+psycopg2://u:geheim@h/d');
    log.error({ error: new Error('x', { cause: new Error('postgresql://u:geheim@h/d') }) }, 'x');
  });
  expect(lines).toHaveLength(4);
  expect(JSON.stringify(lines)).not.toContain('geheim');
  expect(lines[2]?.['msg']).toBe('cannot reach postgresql+psycopg2://u:***@h/d');
});

test('an error keeps its code and its causes', () => {
  const [line] = written('info', (log) => {
    const cause = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    log.error({ error: new Error('cannot write', { cause }) }, 'x');
  });
  expect(line?.['error']).toMatchObject({ message: 'cannot write', cause: { message: 'no space', code: 'ENOSPC' } });
});
