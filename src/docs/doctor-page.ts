import { checks } from '../doctor/checks.ts';

/** `docs/reference/doctor.md`: every check of `doctor`. */
export function doctorPage(): string {
  const rows = checks.map(
    ({ id, title, tests, roles, needs }) =>
      `| \`${id}\` | ${title} | ${tests} | ${roles.join(', ')} | ${needs.map((n) => `\`${n}\``).join(', ') || '-'} |`,
  );
  return `${[
    '# Checks of doctor',
    '',
    '<!-- Made by `npm run generate` from src/doctor/checks.ts. -->',
    '',
    '`biomero-bridge doctor` tries these side by side. Exit code: 0 no problem (warnings may remain), 1 a problem, 2 no',
    'problem, but something could not be told. `--fix` makes missing tables, and nothing else.',
    '',
    '| Id | Title | What is tested | Roles | Not tried without |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')}\n`;
}
