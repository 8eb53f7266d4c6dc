import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml';

/** A YAML or JSON text with the lines of what stands in it. */
export interface LinedText {
  readonly document: Document.Parsed;
  /** Line of a key or an element, counted from 1; of the nearest thing above it that is there. */
  lineOf(path: readonly string[]): number | null;
  lineAt(offset: number): number;
}

/** YAML 1.1, as Python's loader reads it: "yes" and "on" are booleans there. JSON is read too. */
export function parseWithLines(text: string): LinedText {
  const counter = new LineCounter();
  const document = parseDocument(text, { version: '1.1', prettyErrors: true, lineCounter: counter });
  const lineAt = (offset: number): number => counter.linePos(offset).line;
  const lineOf = (path: readonly string[]): number | null => {
    let node: unknown = document.contents;
    let line: number | null = null;
    for (const step of path) {
      if (isMap(node)) {
        const pair = node.items.findLast((item) => isScalar(item.key) && String(item.key.value) === step);
        if (!isScalar(pair?.key) || !pair.key.range) return line;
        line = lineAt(pair.key.range[0]);
        node = pair.value;
      } else if (isSeq(node)) {
        const item: unknown = node.items[Number(step)];
        if (typeof item !== 'object' || item === null || !('range' in item) || !Array.isArray(item.range)) return line;
        line = lineAt(Number(item.range[0]));
        node = item;
      } else return line;
    }
    return line;
  };
  return { document, lineOf, lineAt };
}
