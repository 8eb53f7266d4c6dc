import { z } from 'zod';

/** What BIOMERO's log keeps of a command that was run for a task; `env` is free of secrets. */
export interface CommandResult {
  command: string;
  env: Record<string, string>;
}

const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);

/** A result as anybody may have added it. */
export const commandResult = z.object({ command: z.string(), env: z.record(z.string(), text).catch({}) });
