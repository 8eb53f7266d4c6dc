/**
 * `metadata.csv`, in the form that BIOMERO's importer reads: two columns, no header, UTF-8, CRLF, quoted as RFC 4180
 * says, rows in the order given.
 */
export function metadataCsv(rows: readonly (readonly [string, string])[]): string {
  return rows.map((row) => `${row.map(quoted).join(',')}\r\n`).join('');
}

function quoted(value: string): string {
  const text = value.toWellFormed();
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
