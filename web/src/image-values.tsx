import { useQuery } from '@tanstack/react-query';
import type { PreviewFacts } from '../../src/previews/make-preview.ts';
import { archiveHref } from './archive-address.ts';
import { figure } from './chart.ts';
import { numberText } from './words.ts';

/** What an image holds, from the answer that its picture came with; null while unknown, and where there is no picture. */
function useFacts(runId: string, path: string, size: 320 | 960): PreviewFacts | null {
  const href = archiveHref(runId, 'preview', path, { size });
  const found = useQuery({
    queryKey: ['image-facts', href],
    // The browser has the picture already, and answers from its own store.
    queryFn: async ({ signal }) => {
      const answer = await fetch(href, { signal });
      const facts = answer.ok ? answer.headers.get('x-image') : null;
      return facts === null ? null : (JSON.parse(facts) as PreviewFacts);
    },
    staleTime: Infinity,
  });
  return found.data ?? null;
}

/** `52 labels`, in a tile whose picture is there. */
export function LabelCount({ runId, path }: { runId: string; path: string }): React.ReactElement | null {
  const labels = useFacts(runId, path, 320)?.values.labels ?? null;
  return labels === null ? null : <span className="count">{numberText(labels, 'label')}</span>;
}

/** Pixels and values of an image, as rows of a list of facts. */
export function ImageValues(props: {
  runId: string;
  path: string;
  /** What it is, where two images are told of. */
  of: string;
}): React.ReactElement | null {
  const facts = useFacts(props.runId, props.path, 960);
  if (!facts) return null;
  const { fullWidth, fullHeight, planes, values } = facts;
  const plane = planes > 1 ? ' in the plane that is shown' : '';
  return (
    <>
      <dt>{props.of === '' ? 'Pixels' : `${props.of}: pixels`}</dt>
      <dd>
        {fullWidth.toLocaleString('en')} × {fullHeight.toLocaleString('en')}, {typeText(values.type)}
        {planes > 1 && `, one of ${planes.toLocaleString('en')} planes`}
      </dd>
      {values.labels !== null ? (
        <>
          <dt>Objects</dt>
          <dd>
            {numberText(values.labels, 'label')}
            {plane}
          </dd>
        </>
      ) : (
        values.min !== null &&
        values.max !== null && (
          <>
            <dt>Values</dt>
            <dd>
              {figure(values.min)} to {figure(values.max)}
              {plane}
              {values.black !== null &&
                values.white !== null &&
                `; black is ${figure(values.black)}, white ${figure(values.white)}`}
            </dd>
          </>
        )
      )}
    </>
  );
}

/** `uint16` is `16 bit`. */
function typeText(type: string): string {
  const [, kind, bits] = /^(u?int|float|bigu?int)(\d+)$/.exec(type) ?? [];
  if (!bits) return type;
  return `${bits} bit${kind === 'float' ? ' floating point' : kind === 'int' ? ' with sign' : ''}`;
}
