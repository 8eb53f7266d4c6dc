import { describeError } from '../../domain/errors.ts';

interface Step {
  readonly what: string;
  readonly undo: () => Promise<void>;
}

/** How to undo what was made, noted before it is made; undone in reverse, each step whatever became of the others. */
export class Cleanup {
  readonly #steps: Step[] = [];

  /** `what`: as it is told to people when it cannot be undone. */
  add(what: string, undo: () => Promise<void>): void {
    this.#steps.push({ what, undo });
  }

  /** As `add`, but undone after everything else. */
  addLast(what: string, undo: () => Promise<void>): void {
    this.#steps.unshift({ what, undo });
  }

  /** Undoes everything once; what is left, each with the reason. */
  async run(): Promise<string[]> {
    const left: string[] = [];
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step.undo();
      } catch (error) {
        left.push(`${step.what}: ${describeError(error)}`);
      }
    }
    return left;
  }
}
