import { stepTitles } from '../domain/vocabulary.ts';
import type { RunView, StepView } from '../runs/view.ts';
import { printable } from '../domain/errors.ts';
import { formatBytes, formatDuration } from './format.ts';

const marks: Record<StepView['state'], string> = { waiting: ' ', running: '…', done: '✓', failed: '✗', attention: '!' };

/**
 * Shows how a run advances: one line per step. In a terminal the line of the running step is rewritten in place; where
 * the output goes to a file or a pipe, a line is written when a step begins, waits or ends.
 */
export class RunPrinter {
  readonly #out: NodeJS.WriteStream;
  readonly #ended = new Set<string>();
  readonly #said = new Map<string, string>();
  #live = false;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  show(view: RunView): void {
    for (const step of view.steps) {
      if (step.state === 'waiting' || this.#ended.has(step.name)) continue;
      const line = stepLine(step, stepTitles[view.recipe][step.name]);
      if (step.state === 'done' || step.state === 'failed') {
        this.#clear();
        this.#out.write(`${line}\n`);
        this.#ended.add(step.name);
      } else if (this.#out.isTTY) {
        this.#clear();
        this.#out.write(line.slice(0, (this.#out.columns || 80) - 1));
        this.#live = true;
      } else if (this.#said.get(step.name) !== plainKey(step)) {
        this.#said.set(step.name, plainKey(step));
        this.#out.write(`${line}\n`);
      }
    }
  }

  /** Writes a line of its own. */
  say(text: string): void {
    this.#clear();
    this.#out.write(`${text}\n`);
  }

  #clear(): void {
    if (this.#live) this.#out.write('\r\u001b[2K');
    this.#live = false;
  }
}

/** What must change for a further plain line: not every count. */
function plainKey(step: StepView): string {
  return step.state === 'attention' ? `${step.state} ${step.detail}` : step.state;
}

function stepLine(step: StepView, title: string): string {
  const end = step.endedAt === null ? Date.now() : Date.parse(step.endedAt);
  const took = step.startedAt === null ? '' : formatDuration(end - Date.parse(step.startedAt));
  const parts = [
    `${marks[step.state]} ${title.padEnd(9)}`,
    countText(step.filesDone, step.filesTotal).padEnd(15),
    (step.bytesDone === null ? '' : formatBytes(step.bytesDone)).padEnd(9),
    took.padEnd(10),
    step.attempt > 1 ? `attempt ${step.attempt}; ${printable(step.detail)}` : printable(step.detail),
  ];
  return parts.join(' ').trimEnd();
}

function countText(done: number | null, total: number | null): string {
  if (total === null) return done === null ? '' : `${done} files`;
  return `${done ?? 0} of ${total} files`;
}
