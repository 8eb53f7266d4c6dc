/** JSON as Python's `json.dumps` writes it: a space after separators, and nothing but ASCII. */
export function pythonJson(value: readonly string[]): string {
  return `[${value.map(pythonString).join(', ')}]`;
}

function pythonString(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
