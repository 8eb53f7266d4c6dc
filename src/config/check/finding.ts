/** Something to say about a configuration file. */
export interface FileFinding {
  readonly file: string;
  /** Counted from 1; null where the file as a whole is meant. */
  readonly line: number | null;
  /** Empty where the file as a whole is meant. */
  readonly key: string;
  /**
   * `error`: it cannot be used as it stands. `warning`: it may not mean what people think. `note`: another reader takes it
   * otherwise.
   */
  readonly level: 'error' | 'warning' | 'note';
  readonly reason: string;
  /** What to do, as a sentence; empty where the reason says it. */
  readonly remedy: string;
}

/** Adds findings about one file. */
export type Report = (finding: Omit<FileFinding, 'file'>) => void;

export function reportTo(findings: FileFinding[], file: string): Report {
  return (finding) => void findings.push({ file, ...finding });
}
