/**
 * SQL of a row's time. Anybody may have written it: one that is missing, `infinity` or beyond what calendars hold is
 * null, as no date can be made of it and nothing can be counted from it.
 */
export function rowTime(column: string): string {
  return `case when ${column} >= timestamptz '0001-01-01 00:00Z' and ${column} < timestamptz '10000-01-01 00:00Z'
    then ${column} end`;
}
