import { printable } from '../domain/errors.ts';
import type { RunSummary, RunView } from '../runs/view.ts';

/** What is told of a run, whichever way. */
export interface Message {
  /** The same at every repeat. */
  id: string;
  state: 'done' | 'failed' | 'attention' | 'test';
  run: Pick<RunSummary, 'id' | 'workflow' | 'workflowVersion' | 'user' | 'group' | 'sentence' | 'jobId'> | null;
  archive: string | null;
  /** What to do, where something is to be done. */
  remedy: string | null;
  /** Address of its page; null where the address of the web role is not known. */
  page: string | null;
}

const words = { done: 'done', failed: 'failed', attention: 'needs attention' } as const;

export function messageOf(
  id: string,
  state: Exclude<Message['state'], 'test'>,
  view: RunView,
  webUrl: string | null,
): Message {
  const { workflow, workflowVersion, user, group, sentence, jobId } = view;
  return {
    id,
    state,
    run: { id: view.id, workflow, workflowVersion, user, group, sentence, jobId },
    archive: view.archive?.path ?? null,
    remedy: state === 'failed' ? (view.failure?.remedy ?? null) : null,
    page: webUrl === null ? null : new URL(`runs/${view.id}`, webUrl.endsWith('/') ? webUrl : `${webUrl}/`).href,
  };
}

export function testMessage(id: string): Message {
  return { id, state: 'test', run: null, archive: null, remedy: null, page: null };
}

/** One line without anything that could end it or turn it round: names come from people and from clusters. */
export function subjectOf({ state, run }: Message): string {
  const text =
    state === 'test' || !run
      ? 'Test of notifications'
      : `${run.workflow} (job ${run.jobId ?? 'none'}) ${words[state]}, ${run.group}`;
  return `[biomero-bridge] ${oneLine(text)}`.slice(0, 180);
}

/** The whole text, plain: a mail has no markup that a name could be taken for. */
export function textOf(message: Message): string {
  const { run, archive, remedy, page } = message;
  if (!run) return 'This is a test: notifications of biomero-bridge reach you.\n';
  const lines = [
    run.sentence,
    remedy ?? '',
    '',
    `Workflow: ${run.workflow} ${run.workflowVersion}`,
    `Started by: ${run.user}, ${run.group}`,
    archive === null ? '' : `Archive: ${archive}`,
    page === null ? `Run: ${run.id}` : `Page: ${page}`,
  ];
  return `${lines
    .filter((line, i) => line !== '' || i === 2)
    .map(oneLine)
    .join('\n')}\n`;
}

function oneLine(text: string): string {
  return printable(text).replaceAll(/\s+/g, ' ').trim();
}
