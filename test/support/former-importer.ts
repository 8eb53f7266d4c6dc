/**
 * What an importer of the version before `migrations/orders/0010` sends to the database, word for word, with the import
 * itself left out: orders are claimed by leases, one statement at a time, and written about by the functions of `0006`. A
 * site that upgrades one importer after the other has such ones and new ones on one schema.
 */
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { packageFile } from '../../src/lib/package-root.ts';
import { transaction, type Pool } from '../../src/lib/database.ts';

/** The last change of the tables that the former version knows. */
export const formerMigration = '0009-roll-call-groups.sql';

/** Brings schema `bridge` to where the former version had it, as that version did. */
export async function migrateAsFormer(pool: Pool): Promise<void> {
  const folder = packageFile('migrations', 'orders');
  const files = (await readdir(folder)).sort().filter((file) => file <= formerMigration);
  await transaction(pool, async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(hashtext('biomero_bridge_migrations'))`);
    await tx.query(`create schema if not exists bridge`);
    await tx.query(`create table if not exists bridge.migrations (
      part text not null, file text not null, applied_at timestamptz not null default clock_timestamp(),
      primary key (part, file))`);
    const { rows } = await tx.query<{ file: string }>(`select file from bridge.migrations where part = 'orders'`);
    for (const file of files) {
      if (rows.some((row) => row.file === file)) continue;
      await tx.query(await readFile(`${folder}/${file}`, 'utf8'));
      await tx.query(`insert into bridge.migrations (part, file) values ('orders', $1)`, [file]);
    }
  });
}

export class FormerImporter {
  readonly #pool: Pool;
  readonly #name = randomUUID();
  readonly #since: number;
  readonly #running: Promise<void>;
  #stopped = false;
  /** Orders that it has closed. */
  readonly closed: string[] = [];
  readonly errors: unknown[] = [];

  private constructor(pool: Pool, since: number) {
    this.#pool = pool;
    this.#since = since;
    this.#running = this.#run();
  }

  static async start(pool: Pool): Promise<FormerImporter> {
    const { rows } = await pool.query<{ id: number | null }>('select max(id) as id from imports');
    return new FormerImporter(pool, rows[0]?.id ?? 0);
  }

  /** Resolves when the order that it works on is closed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        for (const uuid of await this.#open()) {
          if (this.#stopped) break;
          await this.#import(uuid);
        }
        await this.#beat();
      } catch (error) {
        this.errors.push(error);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #open(): Promise<string[]> {
    const { rows } = await this.#pool.query<{ uuid: string }>(
      `with open as (
         select id, uuid, group_name from imports p where stage = 'Import Pending'
           and not exists (select 1 from imports t where t.uuid = p.uuid and t.stage = any($1)))
       select o.uuid from open o
       left join bridge.order_attempts a on a.order_uuid = o.uuid
       left join bridge.leases l on l.resource = 'order:' || o.uuid and l.expires_at > clock_timestamp()
       where (a.next_at is null or a.next_at <= clock_timestamp()) and l.holder is null order by o.id limit 20`,
      [['Import Completed', 'Import Failed']],
    );
    return rows.map((row) => row.uuid);
  }

  async #import(uuid: string): Promise<void> {
    const { rows: leases } = await this.#pool.query<{ token: number }>(
      `insert into bridge.leases as l (resource, holder, token, expires_at)
       values ($1, $2, (extract(epoch from clock_timestamp()) * 1000)::bigint,
         clock_timestamp() + $3 * interval '1 millisecond')
       on conflict (resource) do update
         set holder = excluded.holder, token = greatest(l.token + 1, excluded.token), expires_at = excluded.expires_at
       where l.expires_at <= clock_timestamp() or l.holder = $4
       returning token`,
      [`order:${uuid}`, JSON.stringify({ name: this.#name, host: 'former' }), 8_000, null],
    );
    const token = leases[0]?.token;
    if (token === undefined) return;
    const { rows } = await this.#pool.query<{ files: string }>(
      `select id, uuid, group_name, user_name, destination_id, destination_type, stage,
         case when length(files) <= $3 then files end as files, file_names, preprocessing_id
       from imports where uuid = $1 and stage = $2
         and not exists (select from imports t where t.uuid = $1 and t.stage = any($4)) order by id limit 1`,
      [uuid, 'Import Pending', 128 * 1024 * 1024, ['Import Completed', 'Import Failed']],
    );
    if (rows[0]) {
      const paths = JSON.parse(rows[0].files) as string[];
      const results = JSON.stringify(
        paths.map((path) => ({ path, state: 'imported', filesetId: 1, imageIds: [1], plateIds: [], error: null })),
      );
      await this.#pool.query('select * from bridge.start_order($1, $2, $3, $4)', [uuid, token, this.#since, paths]);
      await this.#pool.query('select bridge.open_import_session($1, $2, $3, $4)', [uuid, token, 7, 'former']);
      await new Promise((resolve) => setTimeout(resolve, 120));
      await this.#pool.query('select bridge.settle_files($1, $2, $3, $4)', [uuid, token, results, false]);
      await this.#pool.query('select bridge.close_order($1, $2, $3, $4, $5, $6, $7) as seconds', [
        ...[uuid, token, this.#since, 'Import Completed', '["a"]', null],
        results,
      ]);
      this.closed.push(uuid);
    }
    await this.#pool.query(
      `update bridge.leases l set expires_at = clock_timestamp()
       from unnest($1::text[], $2::bigint[]) as g(resource, token) where l.resource = g.resource and l.token = g.token`,
      [[`order:${uuid}`], [token]],
    );
  }

  /** As every importer does; one that finds a stage that no importer of ours wrote would stop here. */
  async #beat(): Promise<void> {
    const { rows } = await this.#pool.query(
      `select i.uuid, i.stage from imports i
       where i.id > greatest($1, (select max(id) from imports) - $2) and i.stage <> $3
         and not exists (select 1 from bridge.order_stages s where s.row_id = i.id)
       order by i.id limit 1`,
      [this.#since, 10_000, 'Import Pending'],
    );
    if (rows.length > 0) this.errors.push(new Error(`another importer wrote ${JSON.stringify(rows)}`));
    await this.#pool.query(
      `insert into bridge.heartbeats (name, role, host, pid, detail) values ($1, 'importer', $2, $3, $4)
       on conflict (name) do update set at = clock_timestamp(), detail = excluded.detail`,
      [this.#name, 'former', 1, { active: 0, maxWorkers: 1 }],
    );
  }
}
