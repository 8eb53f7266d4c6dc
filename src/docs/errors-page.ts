import { errorRegistry } from '../domain/errors.ts';
import type { ErrorSpec } from '../domain/errors/define.ts';

/** `docs/reference/errors.md`: every error a person can meet. */
export function errorsPage(): string {
  const entries = Object.entries(errorRegistry as Record<string, ErrorSpec>).sort(([a], [b]) => (a < b ? -1 : 1));
  const sections = entries.map(([code, spec]) =>
    [
      `## ${code}`,
      '',
      escape(spec.message),
      '',
      `**What to do:** ${escape(spec.remedy)}`,
      '',
      `For: ${spec.who}. ${spec.retryable ? 'It is tried again by itself.' : 'It is not tried again by itself.'} HTTP ${spec.status}.`,
    ].join('\n'),
  );
  return [
    '# Errors',
    '',
    '<!-- Made by `npm run generate` from src/domain/errors/. -->',
    '',
    'Each error has a code that stays the same. Words in braces are filled in when it happens.',
    '',
    sections.join('\n\n'),
    '',
  ].join('\n');
}

/** Names in angle brackets and stars would be read as markup. */
function escape(text: string): string {
  return text.replace(/[<>*]/g, (c) => `\\${c}`);
}
