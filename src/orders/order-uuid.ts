import { v5 as uuidv5 } from 'uuid';

/** Namespace of upload orders' uuids; never changes. */
const namespace = '5f2c2a7e-8a0e-5b1c-9d34-6c1b8f0f7a42';

/**
 * The uuid of an order, from what it is for: placing it twice is one order. A deliberate second import is another task,
 * a retry of what was missing another part.
 */
export function orderUuid(order: {
  taskId: string;
  jobId: number;
  destination: { type: string; id: number };
  part: number;
}): string {
  const { taskId, jobId, destination, part } = order;
  return uuidv5(`${taskId}/${jobId}/${destination.type}:${destination.id}/${part}`, namespace);
}

/** The uuid of the order that asks again for what another order left out. */
export function retryUuid(uuid: string): string {
  return uuidv5(`retry of ${uuid}`, namespace);
}
