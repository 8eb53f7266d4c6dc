-- The importer's half of schema bridge, in the database of imports (INGEST_TRACKING_DB_URL).

-- What an order of ours belongs to. No foreign key: the runs may stand in another database.
create table bridge.order_links (
  order_uuid text primary key,
  task_id uuid not null,
  run_id uuid not null,
  archive_path text not null,
  part integer not null,
  retry_of text,
  placed_at timestamptz not null default clock_timestamp()
);

-- Result per file of an order.
create table bridge.order_files (
  order_uuid text not null,
  path text not null,
  position integer not null,
  state text not null check (state in ('waiting', 'imported', 'already-there', 'failed')),
  fileset_id bigint,
  image_ids bigint[] not null default '{}',
  plate_ids bigint[] not null default '{}',
  error text,
  updated_at timestamptz not null default clock_timestamp(),
  primary key (order_uuid, path)
);

-- The OMERO session and the process that an import runs in, stored before the process starts: a successor ends both.
-- The session's id, never its key.
create table bridge.import_sessions (
  order_uuid text primary key,
  session_id bigint not null,
  process jsonb,
  host text not null,
  started_at timestamptz not null default clock_timestamp()
);

create table bridge.heartbeats (
  name text primary key,
  role text not null,
  host text not null,
  at timestamptz not null default clock_timestamp(),
  detail jsonb not null default '{}'
);

create table if not exists bridge.leases (
  resource text primary key,
  holder text not null,
  token bigint not null,
  expires_at timestamptz not null
);
