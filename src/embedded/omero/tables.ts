import type { Database } from '../../lib/database.ts';

/**
 * Tables of the OMERO stand-in, schema `omero_standin`: one row per object, its members as JSON (a reference is an id).
 * The views are for people and tests who want to see what is stored without speaking Ice.
 */
export async function ensureTables(db: Database): Promise<void> {
  await db.query(`
    create schema if not exists omero_standin;
    create table if not exists omero_standin.objects (
      class text not null,
      id bigint not null,
      owner bigint not null,
      grp bigint not null,
      created timestamptz not null,
      updated timestamptz not null,
      data jsonb not null,
      primary key (class, id)
    );
    create table if not exists omero_standin.sequences (class text primary key, last bigint not null);
    create table if not exists omero_standin.passwords (experimenter bigint primary key, hash text not null);
    create table if not exists omero_standin.privileges (
      experimenter bigint not null, name text not null, primary key (experimenter, name)
    );

    create or replace view omero_standin.images as
      select i.id, i.data->>'name' as name, (i.data->>'fileset')::bigint as fileset_id,
        coalesce((select array_agg((l.data->>'parent')::bigint order by l.id) from omero_standin.objects l
          where l.class = 'DatasetImageLink' and (l.data->>'child')::bigint = i.id), '{}') as dataset_ids,
        i.owner, i.grp
      from omero_standin.objects i where i.class = 'Image';
    create or replace view omero_standin.filesets as
      select f.id, f.data->>'templatePrefix' as template_prefix,
        coalesce((select array_agg(e.data->>'clientPath' order by e.id) from omero_standin.objects e
          where e.class = 'FilesetEntry' and (e.data->>'fileset')::bigint = f.id), '{}') as client_paths,
        coalesce((select array_agg(i.id order by i.id) from omero_standin.objects i
          where i.class = 'Image' and (i.data->>'fileset')::bigint = f.id), '{}') as image_ids,
        exists (select from omero_standin.objects l
          join omero_standin.objects j on j.class like '%Job' and j.id = (l.data->>'child')::bigint
          where l.class = 'FilesetJobLink' and (l.data->>'parent')::bigint = f.id
            and j.data->>'started' is not null and j.data->>'finished' is null) as unfinished,
        f.owner, f.grp
      from omero_standin.objects f where f.class = 'Fileset';
    create or replace view omero_standin.annotations as
      select l.id as link_id, replace(l.class, 'AnnotationLink', '') as target_type,
        (l.data->>'parent')::bigint as target_id, a.id, a.class, a.data->>'ns' as ns, a.data->'mapValue' as pairs,
        a.owner, a.grp
      from omero_standin.objects l
      join omero_standin.objects a on a.class like '%Annotation' and a.id = (l.data->>'child')::bigint
      where l.class like '%AnnotationLink';
    create or replace view omero_standin.sessions as
      select s.id, s.data->>'uuid' as uuid, (s.data->>'owner')::bigint as owner,
        to_timestamp((s.data->>'started')::double precision / 1000) as started,
        to_timestamp((s.data->>'closed')::double precision / 1000) as closed
      from omero_standin.objects s where s.class = 'Session';
  `);
}

export interface ObjectRow {
  class: string;
  id: number;
  owner: number;
  grp: number;
  created: Date;
  updated: Date;
  data: Record<string, unknown>;
}

export async function readObjects(db: Database): Promise<ObjectRow[]> {
  const { rows } = await db.query<ObjectRow & { id: number }>(
    `select class, id, owner, grp, created, updated, data from omero_standin.objects order by class, id`,
  );
  return rows;
}

export async function readSequences(db: Database): Promise<Map<string, number>> {
  const { rows } = await db.query<{ class: string; last: number }>(`select class, last from omero_standin.sequences`);
  return new Map(rows.map((row) => [row.class, row.last]));
}

/** Writes new and changed objects, whichever they are. */
export async function writeObjects(db: Database, rows: readonly ObjectRow[]): Promise<void> {
  if (rows.length === 0) return;
  await db.query(
    `insert into omero_standin.objects (class, id, owner, grp, created, updated, data)
     select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[], $7::jsonb[])
     on conflict (class, id) do update set data = excluded.data, updated = excluded.updated`,
    [
      rows.map((r) => r.class),
      rows.map((r) => r.id),
      rows.map((r) => r.owner),
      rows.map((r) => r.grp),
      rows.map((r) => r.created),
      rows.map((r) => r.updated),
      rows.map((r) => JSON.stringify(r.data)),
    ],
  );
}

export async function deleteObjects(db: Database, rows: readonly { class: string; id: number }[]): Promise<void> {
  if (rows.length === 0) return;
  await db.query(
    `delete from omero_standin.objects o using unnest($1::text[], $2::bigint[]) as gone (class, id)
     where o.class = gone.class and o.id = gone.id`,
    [rows.map((r) => r.class), rows.map((r) => r.id)],
  );
}

export async function writeSequences(db: Database, last: ReadonlyMap<string, number>): Promise<void> {
  if (last.size === 0) return;
  await db.query(
    `insert into omero_standin.sequences (class, last) select * from unnest($1::text[], $2::bigint[])
     on conflict (class) do update set last = excluded.last`,
    [[...last.keys()], [...last.values()]],
  );
}

/** Sessions live in the server's memory: those of a server that ended are closed. */
export async function closeOldSessions(db: Database, now: number): Promise<void> {
  await db.query(
    `update omero_standin.objects set data = data || jsonb_build_object('closed', $1::bigint)
     where class = 'Session' and data->>'closed' is null`,
    [now],
  );
}

export async function readPasswords(db: Database): Promise<Map<number, string>> {
  const { rows } = await db.query<{ experimenter: number; hash: string }>(
    `select experimenter, hash from omero_standin.passwords`,
  );
  return new Map(rows.map((row) => [row.experimenter, row.hash]));
}

export async function writePassword(db: Database, experimenter: number, hash: string): Promise<void> {
  await db.query(
    `insert into omero_standin.passwords (experimenter, hash) values ($1, $2)
     on conflict (experimenter) do update set hash = excluded.hash`,
    [experimenter, hash],
  );
}

export async function readPrivileges(db: Database): Promise<Map<number, string[]>> {
  const { rows } = await db.query<{ experimenter: number; names: string[] }>(
    `select experimenter, array_agg(name order by name) as names from omero_standin.privileges group by experimenter`,
  );
  return new Map(rows.map((row) => [row.experimenter, row.names]));
}

export async function writePrivileges(db: Database, experimenter: number, names: readonly string[]): Promise<void> {
  await db.query(`delete from omero_standin.privileges where experimenter = $1`, [experimenter]);
  await db.query(`insert into omero_standin.privileges (experimenter, name) select $1, unnest($2::text[])`, [
    experimenter,
    names,
  ]);
}
