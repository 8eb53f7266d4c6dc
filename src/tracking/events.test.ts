import { expect, test } from 'vitest';
import { decodeEvent, encodeEvent, eventShapes, topicOf, typeOfTopic, type EventType } from './events.ts';

const at = new Date('2026-11-23T06:16:33.662Z');
const stamp = '"timestamp":{"_type_":"datetime_iso","_data_":"2026-11-23T06:16:33.662000+00:00"}';

test('the 13 topics are BIOMERO’s', () => {
  const topics = (Object.keys(eventShapes) as EventType[]).map(topicOf);
  expect(topics).toHaveLength(13);
  expect(topics).toContain('biomero.eventsourcing:WorkflowRun.WorkflowInitiated');
  expect(topics).toContain('biomero.eventsourcing:Task.JobIdAdded');
  for (const topic of topics) expect(topicOf(typeOfTopic(topic) as EventType)).toBe(topic);
  expect(typeOfTopic('biomero.eventsourcing:Task.WorkflowStarted')).toBeNull();
  expect(typeOfTopic('biomero.eventsourcing:Task.toString')).toBeNull();
});

test('the events that begin something carry its class', () => {
  expect(
    encodeEvent({ type: 'WorkflowInitiated', at, name: 'SLURM_Run_Workflow.py', description: '…', user: 2, group: 3 }),
  ).toBe(
    `{${stamp},"originator_topic":"biomero.eventsourcing:WorkflowRun","name":"SLURM_Run_Workflow.py","description":"…","user":2,"group":3}`,
  );
  expect(encodeEvent({ type: 'JobIdAdded', at, job_id: 12345 })).toBe(`{${stamp},"job_id":12345}`);
  expect(encodeEvent({ type: 'ProgressUpdated', at, progress: null })).toBe(`{${stamp},"progress":null}`);
});

test('rows that Python wrote are read, with what they have beyond', () => {
  const row = (type: EventType, json: string) => ({ id: 6, topic: topicOf(type), state: Buffer.from(json) });
  expect(decodeEvent(row('JobIdAdded', `{${stamp},"job_id":"12345"}`))).toEqual({
    type: 'JobIdAdded',
    at,
    job_id: 12345,
  });
  expect(decodeEvent(row('StatusUpdated', `{${stamp},"status":"RUNNING","new":1}`))).toEqual({
    type: 'StatusUpdated',
    at,
    status: 'RUNNING',
  });
  expect(decodeEvent({ id: 1, topic: 'elsewhere:Thing.Made', state: Buffer.from('x') })).toBeNull();
  expect(() => decodeEvent(row('JobIdAdded', `{${stamp}}`))).toThrow(
    expect.objectContaining({ code: 'TRACKING_EVENT_UNREADABLE', message: expect.stringContaining('Event 6') }),
  );
  expect(() => decodeEvent(row('TaskStarted', 'gAAAAABl'))).toThrow('no JSON');
});
