/** Who can put an error right: the person at the screen, the facility's admin, the site's IT, or us. */
export type Fixer = 'researcher' | 'admin' | 'it' | 'developer';

export interface ErrorSpec {
  /** Sentence for people; `{name}` is replaced by the parameter of that name. */
  readonly message: string;
  /** What to do about it, in the imperative. */
  readonly remedy: string;
  readonly who: Fixer;
  /** True when the same step may succeed later without anybody's doing. */
  readonly retryable: boolean;
  /** HTTP status when it reaches a web client. */
  readonly status: number;
}

/** Declares one area's errors; the identity function keeps the literal types, from which parameters are checked. */
export function defineErrors<const T extends Record<string, ErrorSpec>>(specs: T): T {
  return specs;
}

export type ParamNames<S extends string> = S extends `${string}{${infer P}}${infer R}` ? P | ParamNames<R> : never;
