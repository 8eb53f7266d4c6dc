import { stages } from '../domain/vocabulary.ts';
import { transaction, type Database, type Pool } from '../lib/database.ts';

/*
 * A trigger on `imports` that rings our channel at every new order, so that orders of producers that know nothing of us
 * are seen at once instead of within a quarter of a second. It changes nothing of the table's shape; who writes to the
 * table needs no rights of its own for it.
 */

const name = 'biomero_bridge_new_order';

/** Puts the trigger on the table; false when it is there already. */
export async function installTrigger(pool: Pool): Promise<boolean> {
  return transaction(pool, async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(hashtext('biomero_bridge_migrations'))`);
    if (await hasTrigger(tx)) return false;
    // Runs with the rights of its owner: a producer need not be able to use schema bridge.
    await tx.query(
      `create or replace function bridge.ring_new_order() returns trigger language plpgsql security definer
         set search_path = pg_catalog as $$
       begin
         perform pg_notify('bridge_orders', left(new.uuid, 200));
         return null;
       end $$`,
    );
    await tx.query(
      `create trigger ${name} after insert on imports for each row when (new.stage = '${stages.pending}')
         execute function bridge.ring_new_order()`,
    );
    return true;
  });
}

/** Takes the trigger away; false when there is none. */
export async function removeTrigger(pool: Pool): Promise<boolean> {
  return transaction(pool, async (tx) => {
    const there = await hasTrigger(tx);
    await tx.query(`drop trigger if exists ${name} on imports`);
    await tx.query('drop function if exists bridge.ring_new_order()');
    return there;
  });
}

export async function hasTrigger(db: Database): Promise<boolean> {
  const { rowCount } = await db.query(
    `select 1 from pg_trigger where tgrelid = to_regclass('imports') and tgname = $1`,
    [name],
  );
  return rowCount === 1;
}
