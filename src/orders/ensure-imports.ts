import { bridgeError } from '../domain/errors.ts';
import { transaction, type Database, type Pool } from '../lib/database.ts';
import { migrate } from '../lib/migrate.ts';

/** The only revision of the Python importer's schema, which adds `description`. */
export const revision = '78d3d6d84aec';

/** Unique violation in the catalogue, duplicate table, duplicate object: somebody else made it at this moment. */
const madeMeanwhile = new Set(['23505', '42P07', '42710']);
const mostTries = 5;

/**
 * Creates what the Python importer would create, name by name, and stamps it as its Alembic would: either side may
 * start first. Takes the advisory lock that the Python side takes. Then our own tables. Where everything stands, no
 * right to create anything in that schema is needed.
 *
 * @throws IMPORTS_SCHEMA_UNKNOWN when a newer Python importer has changed the tables
 */
export async function ensureImports(pool: Pool): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await transaction(pool, ensureTables);
      break;
    } catch (error) {
      // Python creates its tables before it takes the lock.
      if (attempt === mostTries || !madeMeanwhile.has((error as { code?: string }).code ?? '')) throw error;
    }
  }
  await migrate(pool, 'orders');
}

async function ensureTables(tx: Database): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtext('omeroadi_migrations'))`);
  if (!(await exists(tx, 'imports_preprocessing'))) await createPreprocessing(tx);
  if (!(await exists(tx, 'imports'))) await createImports(tx);
  if (!(await exists(tx, 'alembic_version_omeroadi')))
    await tx.query(`create table alembic_version_omeroadi (
      version_num varchar(32) not null, constraint alembic_version_omeroadi_pkc primary key (version_num))`);
  const { rows } = await tx.query<{ version_num: string }>('select version_num from alembic_version_omeroadi');
  const [version] = rows;
  if (version === undefined) {
    // Unstamped: made just now by us, or an old one from before that revision, or made by OMERO.biomero's web.
    if (!(await hasDescription(tx))) await tx.query('alter table imports add column description text');
    await tx.query('insert into alembic_version_omeroadi (version_num) values ($1)', [revision]);
  } else if (rows.length !== 1 || version.version_num !== revision) {
    throw bridgeError('IMPORTS_SCHEMA_UNKNOWN', { version: rows.map((r) => r.version_num).join(', ') });
  }
}

async function exists(tx: Database, table: string): Promise<boolean> {
  return (await tx.query('select 1 where to_regclass($1) is not null', [table])).rowCount === 1;
}

async function hasDescription(tx: Database): Promise<boolean> {
  const { rowCount } = await tx.query(
    `select 1 from pg_attribute where attrelid = to_regclass('imports') and attname = 'description' and not attisdropped`,
  );
  return rowCount === 1;
}

async function createPreprocessing(tx: Database): Promise<void> {
  await tx.query(`create table imports_preprocessing (
    id serial not null,
    container varchar not null,
    input_file varchar not null,
    output_folder varchar not null,
    alt_output_folder varchar,
    extra_params json,
    constraint imports_preprocessing_pkey primary key (id))`);
}

async function createImports(tx: Database): Promise<void> {
  await tx.query(`create table imports (
    id serial not null,
    group_name varchar not null,
    user_name varchar not null,
    destination_id varchar not null,
    destination_type varchar not null,
    stage varchar not null,
    uuid varchar(36) not null,
    "timestamp" timestamptz,
    files text not null,
    file_names text,
    description text,
    preprocessing_id integer,
    constraint imports_pkey primary key (id),
    constraint imports_preprocessing_id_fkey foreign key (preprocessing_id) references imports_preprocessing (id))`);
  await tx.query('create index ix_imports_uuid on imports (uuid)');
  await tx.query('create index ix_imports_user_name on imports (user_name)');
  await tx.query('create index imports_ix_uuid_timestamp on imports (uuid, "timestamp")');
}
