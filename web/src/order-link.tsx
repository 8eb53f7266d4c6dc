import { useQueryClient } from '@tanstack/react-query';
import { Link } from 'wouter';
import type { Session } from './omero-link.tsx';

/** The way to an upload order, for administrators; for others there is none. `label`: for those who hear the text alone. */
export function OrderLink(props: { uuid: string; text: string; label?: string }): React.ReactElement | null {
  const admin = useQueryClient().getQueryData<Session>(['session'])?.admin ?? false;
  return admin ? (
    <Link href={`/orders/${props.uuid}`} aria-label={props.label}>
      {props.text}
    </Link>
  ) : null;
}
