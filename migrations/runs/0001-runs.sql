-- The worker's half of schema bridge, in the database of BIOMERO's event log (SQLALCHEMY_URL).

create table bridge.runs (
  id uuid primary key,                         -- workflow uuid, as in BIOMERO's log
  task_id uuid not null unique,                -- the import task
  workflow_task_id uuid not null,              -- the analysis task that has the Slurm job
  workflow text not null,
  workflow_version text not null,
  parameters jsonb not null,
  recipe text not null,                        -- fixed when the import task is created
  user_id bigint not null,
  user_name text not null,
  group_id bigint not null,                    -- the active group at launch; never changed afterwards
  group_name text not null,
  input_type text, input_id bigint, input_name text,
  destination_type text, destination_id bigint, destination_name text,
  data_path text not null,                     -- the job's data folder on the cluster
  job_id bigint,
  job_state text, job_exit text, job_node text,
  job_ended_at timestamptz,
  base_path text, archive_stamp text,          -- identity of the archive, stored before staging begins
  images_confirmed_at timestamptz,             -- every ordered image was found in OMERO
  annotated_at timestamptz,
  launched_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  outcome text check (outcome in ('done', 'failed')),
  status text not null,                        -- BIOMERO's status, as last published
  attention text, attention_detail text,       -- code and sentence of what the run waits for
  failed_step text, error_code text, error_message text, error_remedy text, error_who text,
  error_retryable boolean, failed_at timestamptz,
  revision bigint not null default 1,
  updated_at timestamptz not null default clock_timestamp()
);
create index runs_open on bridge.runs (launched_at) where ended_at is null;
create index runs_launched on bridge.runs (launched_at desc);

-- One row per step and run: what people see of it.
create table bridge.steps (
  run_id uuid not null references bridge.runs on delete cascade,
  step text not null,
  state text not null,
  attempt integer not null default 1,
  started_at timestamptz, ended_at timestamptz,
  files_done bigint, files_total bigint, bytes_done bigint, bytes_total bigint,
  detail text not null default '',
  primary key (run_id, step)
);

-- Rebuildable from disk: every row's facts stand in the archive's own manifest and provenance.
create table bridge.archives (
  task_id uuid primary key,
  run_id uuid not null references bridge.runs on delete cascade,
  path text not null unique,
  files bigint not null, bytes bigint not null,
  manifest_sha256 text not null,
  verified_at timestamptz not null default clock_timestamp()
);

create table bridge.archive_files (
  task_id uuid not null references bridge.archives on delete cascade,
  path text not null,                          -- relative to the archive
  bytes bigint not null, sha256 text not null,
  kind text not null,
  primary key (task_id, path)
);

create table bridge.run_orders (
  order_uuid text primary key,
  run_id uuid not null references bridge.runs on delete cascade,
  part integer not null default 1,
  retry_of text
);

create table bridge.audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  who text not null, action text not null, run_id uuid, reason text
);

create table if not exists bridge.leases (
  resource text primary key,
  holder text not null,
  token bigint not null,
  expires_at timestamptz not null
);
