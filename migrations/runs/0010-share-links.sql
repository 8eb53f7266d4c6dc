-- Links that open one run, read-only, without sign-in. The token in a link is stored nowhere.
create table bridge.share_links (
  id text primary key,                         -- its public part
  run_id uuid not null references bridge.runs on delete cascade,
  hash bytea not null,                         -- SHA-256 of the whole token
  made_by text not null,
  made_by_id bigint,                           -- OMERO id; null: the quick start's token, which is nobody in OMERO
  made_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz, revoked_by text
);
create index share_links_run on bridge.share_links (run_id) where revoked_at is null;
