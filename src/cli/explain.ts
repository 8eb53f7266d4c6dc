import { CommanderError } from 'commander';
import { BridgeError, describeError, printable } from '../domain/errors.ts';

const who = {
  researcher: 'you',
  admin: 'the facility admin',
  it: "the site's IT",
  developer: 'the developers of biomero-bridge',
} as const;

/** Writes an error for a person at a terminal: what happened, what to do, who can. */
export function explain(error: unknown): void {
  // Help, the version, or what is wrong with the command line: that has been written.
  if (error instanceof CommanderError) return;
  if (error instanceof BridgeError) {
    process.stderr.write(
      `${error.code}: ${error.message}\n  What to do: ${error.remedy}\n  Who can do it: ${who[error.who]}\n`,
    );
    return;
  }
  process.stderr.write(`UNEXPECTED: ${printable(describeError(error))}\n`);
  if (process.env['DEBUG'] && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
}

/** As sysexits.h names them: 64 usage, 75 try again later, 78 configuration; 1 for the rest. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 64;
  if (!(error instanceof BridgeError)) return 1;
  if (error.code === 'CONFIG_INVALID') return 78;
  return error.retryable ? 75 : 1;
}
