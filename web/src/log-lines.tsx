import { useEffect, useRef } from 'react';

/** Lines in which a text is found, whatever its case. */
export function findLines(lines: readonly string[], text: string): number[] {
  if (text === '') return [];
  const wanted = text.toLowerCase();
  return lines.flatMap((line, i) => (line.toLowerCase().includes(wanted) ? [i] : []));
}

/** The lines of a log; what is searched for is marked, and the line that the reader is at is brought into view. */
export function LogLines(props: { lines: readonly string[]; text: string; at: number | null }): React.ReactElement {
  const { lines, text, at } = props;
  const here = useRef<HTMLElement>(null);
  useEffect(() => {
    if (at !== null) here.current?.scrollIntoView({ block: 'nearest' });
  }, [at]);
  if (text === '') return <pre>{lines.join('\n')}</pre>;
  return (
    <pre>
      {lines.map((line, i) => (
        <span key={i} ref={i === at ? here : undefined} className={i === at ? 'at' : undefined}>
          {pieces(line, text).map((piece, j) => (j % 2 ? <mark key={j}>{piece}</mark> : piece))}
          {'\n'}
        </span>
      ))}
    </pre>
  );
}

/** The line cut around each finding: every second piece is one. */
export function pieces(line: string, text: string): string[] {
  const found: string[] = [];
  const lower = line.toLowerCase();
  const wanted = text.toLowerCase();
  // In some scripts a lower letter is longer than the upper one: then places do not fit, and nothing is marked.
  if (lower.length !== line.length || wanted.length !== text.length) return [line];
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    found.push(line.slice(from, at), line.slice(at, at + text.length));
    from = at + text.length;
  }
  return [...found, line.slice(from)];
}
