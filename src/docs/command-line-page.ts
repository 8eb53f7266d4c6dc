import { buildProgram } from '../cli/program.ts';

/** `docs/reference/command-line.md`: what `--help` prints, for every command. */
export function commandLinePage(): string {
  const program = buildProgram();
  program.configureHelp({ helpWidth: 100 });
  const parts = [
    '# Command line',
    '',
    '<!-- Made by `npm run generate` from src/cli/program.ts. -->',
    '',
    'On a clone the command is `npx biomero-bridge`, or `npm start` for `start`.',
    '',
    block(program.helpInformation()),
  ];
  for (const command of program.commands) {
    command.configureHelp({ helpWidth: 100 });
    parts.push('', `## ${command.name()}`, '', block(command.helpInformation()));
    for (const inner of command.commands) {
      inner.configureHelp({ helpWidth: 100 });
      parts.push('', `### ${command.name()} ${inner.name()}`, '', block(inner.helpInformation()));
    }
  }
  return `${parts.join('\n')}\n`;
}

/** The default of `--data` differs from machine to machine. */
function block(text: string): string {
  const plain = text.replace(/\(default:\s+"[^"]*biomero-bridge"\)/g, "(default: in the user's data folder)");
  return ['```', plain.trimEnd(), '```'].join('\n');
}
