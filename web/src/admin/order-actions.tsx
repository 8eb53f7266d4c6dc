import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { postFor } from '../api.ts';
import { ReasonDialog, type ReasonQuestion } from '../reason-dialog.tsx';

const closedStages = ['Import Completed', 'Import Failed'];

/** What an administrator can do with an order as it stands: there is a button only where it will work. */
export function OrderActions(props: { uuid: string; stage: string; retried?: boolean }): React.ReactElement | null {
  const { uuid, stage } = props;
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const [question, setQuestion] = useState<ReasonQuestion | null>(null);
  const changed = (): Promise<void> => queries.invalidateQueries({ queryKey: ['admin'] });
  const cancel: ReasonQuestion = {
    title: `Cancel order ${uuid.slice(0, 8)}`,
    text: 'It ends as failed. An import that is under way is stopped; images that were imported stay. It can be retried later.',
    act: 'Cancel the order',
    go: async (reason) => {
      await postFor<unknown>(`/api/admin/orders/${uuid}/cancel`, { reason });
      await changed();
    },
  };
  const retry: ReasonQuestion = {
    title: `Retry order ${uuid.slice(0, 8)}`,
    text: 'A new order asks for the files that are missing. Nothing is imported twice.',
    act: 'Retry what is missing',
    go: async (reason) => {
      const next = await postFor<{ order: string | null; run: string | null }>(`/api/admin/orders/${uuid}/retry`, {
        reason,
      });
      await changed();
      navigate(next.order === null ? `/runs/${next.run}` : `/orders/${next.order}`);
    },
  };
  const offered = !closedStages.includes(stage) ? cancel : stage === 'Import Failed' && !props.retried ? retry : null;
  if (offered === null) return null;
  return (
    <>
      <button className="button small" type="button" onClick={() => setQuestion(offered)}>
        {offered === cancel ? 'Cancel' : 'Retry'}
        <span className="vh"> order {uuid.slice(0, 8)}</span>
      </button>
      {question && <ReasonDialog question={question} onClose={() => setQuestion(null)} />}
    </>
  );
}
