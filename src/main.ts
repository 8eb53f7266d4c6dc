#!/usr/bin/env node
import { buildProgram } from './cli/program.ts';
import { exitCodeOf, explain } from './cli/explain.ts';

try {
  await buildProgram().parseAsync(process.argv);
} catch (error) {
  explain(error);
  process.exitCode = exitCodeOf(error);
}
