import { useQueryClient } from '@tanstack/react-query';
import { Link } from 'wouter';
import type { Session } from './omero-link.tsx';

/** The way to an upload order, for administrators; for others there is none. */
export function OrderLink({ uuid, text }: { uuid: string; text: string }): React.ReactElement | null {
  const admin = useQueryClient().getQueryData<Session>(['session'])?.admin ?? false;
  return admin ? (
    <Link href={`/orders/${uuid}`} aria-label={text === 'Open' ? `Open order ${uuid.slice(0, 8)}` : undefined}>
      {text}
    </Link>
  ) : null;
}
