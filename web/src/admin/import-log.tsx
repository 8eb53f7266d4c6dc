import { useQuery } from '@tanstack/react-query';
import type { ImportLog as Log } from '../../../src/orders/import-log.ts';
import { getJson } from '../api.ts';
import { Copyable } from '../copy.tsx';
import { refusalText } from '../reason-dialog.tsx';
import { sizeText } from '../words.ts';
import { Section } from './page-parts.tsx';

/** The end of what the importer wrote of an order, or where that is. */
export function ImportLog({ uuid, open }: { uuid: string; open: boolean }): React.ReactElement {
  const log = useQuery({
    queryKey: ['admin', 'import-log', uuid, open],
    queryFn: ({ signal }) => getJson<Log>(`/api/admin/orders/${encodeURIComponent(uuid)}/log`, signal),
    refetchInterval: open ? 5_000 : false,
    placeholderData: (old) => old,
  });
  return (
    <Section id="import-log" title="Log of the import">
      <div className="panel clip">
        {log.data ? (
          <>
            <div className="log" role="region" aria-label="Text of the log" tabIndex={0}>
              {log.data.skipped > 0 && (
                <p className="quiet">{sizeText(log.data.skipped)} before this are in the file.</p>
              )}
              <pre>{log.data.text}</pre>
            </div>
            <div className="log-foot">
              <Copyable text={log.data.path} what="path of the log" />
              <span>{sizeText(log.data.size)}</span>
            </div>
          </>
        ) : (
          <p className="log-none">{log.error ? refusalText(log.error) : 'Reading the log'}</p>
        )}
      </div>
    </Section>
  );
}
