import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Tags, type YAMLError } from 'yaml';

/** A YAML or JSON text with the lines of what stands in it. */
export interface LinedText {
  readonly document: Document.Parsed;
  /** For which Python refuses the text: wrong syntax, a key twice, a tag that it does not know. */
  readonly errors: readonly YAMLError[];
  /** Line of a key or an element, counted from 1; of the nearest thing above it that is there. */
  lineOf(path: readonly string[]): number | null;
  lineAt(offset: number): number;
}

/** Where YAML 1.1 has it otherwise, PyYAML takes a plain "y", "n", "1e3" or "08" for a text. */
const texts: Readonly<Record<string, (form: string | undefined) => RegExp | null>> = {
  'tag:yaml.org,2002:int': (form) => (form ? null : /^[-+]?(?:0|[1-9][0-9_]*)$/),
  'tag:yaml.org,2002:float': (form) => (form === 'EXP' ? /^[-+]?[0-9][0-9_]*\.[0-9_]*[eE][-+][0-9]+$/ : null),
};

function asPyYaml(tags: Tags): Tags {
  return tags.map((tag) => {
    if (typeof tag === 'string' || !('test' in tag) || !tag.test) return tag;
    if (tag.tag === 'tag:yaml.org,2002:bool')
      return {
        ...tag,
        test: tag.test.test('yes')
          ? /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/
          : /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/,
      };
    const test = texts[tag.tag]?.(tag.format);
    return test ? { ...tag, test } : tag;
  });
}

/** YAML 1.1, as Python's loader reads it: "yes" and "on" are booleans there. JSON is read too. */
export function parseWithLines(text: string): LinedText {
  const counter = new LineCounter();
  const document = parseDocument(text, {
    version: '1.1',
    prettyErrors: true,
    lineCounter: counter,
    customTags: asPyYaml,
  });
  const unknownTags = document.warnings.filter((warning) => warning.code === 'TAG_RESOLVE_FAILED');
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
  return { document, errors: [...document.errors, ...unknownTags], lineOf, lineAt };
}
