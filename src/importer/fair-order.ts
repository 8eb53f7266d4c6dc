/**
 * The sequence in which waiting orders are tried: groups take turns, those with the least under way first; within a
 * group the oldest first. Pure.
 *
 * @param active group of every order that is being imported
 */
export function fairOrder<T extends { group: string }>(waiting: readonly T[], active: readonly string[]): T[] {
  const queues = new Map<string, T[]>();
  for (const order of waiting) {
    const queue = queues.get(order.group) ?? [];
    queues.set(order.group, queue);
    queue.push(order);
  }
  const load = new Map([...queues.keys()].map((group) => [group, active.filter((g) => g === group).length]));
  const sequence: T[] = [];
  while (sequence.length < waiting.length) {
    let next: string | null = null;
    for (const [group, queue] of queues) {
      if (queue.length && (next === null || (load.get(group) ?? 0) < (load.get(next) ?? 0))) next = group;
    }
    if (next === null) break;
    const order = queues.get(next)?.shift();
    if (order) sequence.push(order);
    load.set(next, (load.get(next) ?? 0) + 1);
  }
  return sequence;
}
