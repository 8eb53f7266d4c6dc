import type { IceObject } from '../../../omero/ice/values.ts';
import type { Call, Service } from '../context.ts';
import { failure } from '../failures.ts';
import type { Stored } from '../objects.ts';
import { remove, Saver } from '../save.ts';
import { ToWire } from '../to-wire.ts';

/** IUpdate: each call is one transaction; nothing of it is stored when anything in it is refused. */
export const updateService: Service = {
  async saveObject(call, [object]) {
    await save(call, [object]);
  },
  async saveAndReturnObject(call, [object]) {
    const [saved] = await save(call, [object]);
    return saved ? new ToWire(call.server.store, call.actor).object(saved) : null;
  },
  async saveCollection(call, [list]) {
    await save(call, list as unknown[]);
  },
  async saveArray(call, [list]) {
    await save(call, list as unknown[]);
  },
  async saveAndReturnArray(call, [list]) {
    const saved = await save(call, list as unknown[]);
    const wire = new ToWire(call.server.store, call.actor);
    return saved.map((object) => wire.object(object));
  },
  async saveAndReturnIds(call, [list]) {
    return (await save(call, list as unknown[])).map((object) => object.id);
  },
  async deleteObject(call, [object]) {
    const { store } = call.server;
    const { actor } = call;
    actor.writeGroup();
    await store.write((draft) => remove(store, actor, draft, present(object)));
  },
};

async function save(call: Call, list: readonly unknown[]): Promise<Stored[]> {
  const { store } = call.server;
  const { actor } = call;
  return store.write((draft) => {
    const saver = new Saver(store, actor, draft);
    const saved = list.map((object) => saver.save(present(object)));
    saver.finish();
    return saved.map((object) => draft.get(object.class, object.id) ?? object);
  });
}

function present(object: unknown): IceObject {
  if (object === null || object === undefined) throw failure('ApiUsageException', 'null cannot be saved or deleted');
  return object as IceObject;
}
