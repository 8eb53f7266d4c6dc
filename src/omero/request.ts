import { setTimeout as sleep } from 'node:timers/promises';
import { bridgeError } from '../domain/errors.ts';
import { IceSchema } from './ice/schema.ts';
import type { IceObject, IceProxy } from './ice/values.ts';
import { callTimeoutMs, type CallOptions, type RouterSession } from './router-session.ts';

/**
 * Has OMERO do a request that takes its time, such as a deletion, and resolves with the answer when it is done.
 * Throws OMERO_REQUEST_REFUSED with OMERO's own words when it cannot be done, OMERO_TIMEOUT after `timeoutMs`.
 */
export async function carryOut(
  session: RouterSession,
  request: IceObject,
  operation: string,
  options: CallOptions,
): Promise<IceObject> {
  const handle = await session.invoke(session.factory, 'ServiceFactory', 'submit', [request], options);
  if (!handle) throw new Error('OMERO gave no handle for the request');
  await session.know(handle as IceProxy);
  try {
    return checkedResponse(await responseOf(session, handle as IceProxy, options), operation);
  } finally {
    // It ends with the session anyway.
    await session.invoke(handle as IceProxy, 'Handle', 'close', [], options).catch(() => undefined);
  }
}

async function responseOf(
  session: RouterSession,
  handle: IceProxy,
  { timeoutMs = callTimeoutMs, signal }: CallOptions,
): Promise<IceObject> {
  const deadline = performance.now() + timeoutMs;
  for (let pause = 10; ; pause = Math.min(pause * 2, 500)) {
    const response = await session.invoke(handle, 'Handle', 'getResponse', [], signal ? { signal } : {});
    if (response) return response as IceObject;
    if (performance.now() > deadline)
      throw bridgeError('OMERO_TIMEOUT', { reason: `no answer after ${timeoutMs / 1000} s` });
    await sleep(pause, undefined, signal ? { signal } : {});
  }
}

function checkedResponse(response: IceObject, operation: string): IceObject {
  if (!IceSchema.omero().isA(response.$type, '::omero::cmd::ERR')) return response;
  const parameters = response['parameters'] as ReadonlyMap<string, string> | undefined;
  const words = response['message'] ?? parameters?.get('message') ?? response['name'] ?? response.$type;
  throw bridgeError('OMERO_REQUEST_REFUSED', { operation, reason: String(words).replace(/\.+$/, '') });
}
