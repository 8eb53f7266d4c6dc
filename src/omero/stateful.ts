import type { IceProxy } from './ice/values.ts';
import type { OmeroLink } from './link.ts';
import type { RouterSession } from './router-session.ts';

/** Calls an operation of a service that belongs to one caller. */
export type Ask = (operation: string, args: readonly unknown[]) => Promise<unknown>;

/** Works with a stateful service of its own, all on one connection, and closes it whatever happens. */
export async function withService<T>(
  link: OmeroLink,
  service: { readonly create: string; readonly iface: string },
  { group, operation }: { readonly group: number; readonly operation: string },
  work: (ask: Ask) => Promise<T>,
): Promise<T> {
  return link.together(operation, {}, async (session: RouterSession) => {
    const proxy = await session.invoke(session.factory, 'ServiceFactory', service.create, [], { group });
    if (!proxy) throw new Error(`OMERO gave no ${service.iface}`);
    await session.know(proxy as IceProxy);
    const ask: Ask = (name, args) => session.invoke(proxy as IceProxy, service.iface, name, args, { group });
    try {
      return await work(ask);
    } finally {
      // It ends with the session anyway.
      await ask('close', []).catch(() => undefined);
    }
  });
}
