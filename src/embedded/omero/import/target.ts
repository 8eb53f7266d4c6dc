import { UsageError } from './usage-error.ts';

export interface Target {
  readonly type: 'Dataset' | 'Screen';
  readonly id: number;
}

/** The container of the images from `-d N`, `-r N` or `-T Dataset:id:N`; at most one of them may be given. */
export function parseTarget(given: {
  dataset: string | null;
  screen: string | null;
  target: string | null;
}): Target | null {
  const named = /^(?:(Dataset|Screen):)(?:id:)?(\d+)$/.exec(given.target ?? '');
  if (given.target !== null && !named)
    throw new UsageError(`the target ${given.target} is not supported: Dataset:id:N`);
  const targets: Target[] = [];
  if (given.dataset !== null) targets.push({ type: 'Dataset', id: idOf(given.dataset) });
  if (given.screen !== null) targets.push({ type: 'Screen', id: idOf(given.screen) });
  if (named) targets.push({ type: named[1] as Target['type'], id: idOf(named[2] ?? '') });
  if (targets.length > 1) throw new UsageError('more than one target is given');
  return targets[0] ?? null;
}

function idOf(text: string): number {
  const bare = /^(?:Dataset:|Screen:)?(\d{1,15})$/.exec(text)?.[1];
  if (bare === undefined) throw new UsageError(`no id: ${text}`);
  return Number(bare);
}
