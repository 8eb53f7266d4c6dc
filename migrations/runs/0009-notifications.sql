-- What people are told of runs: one row per run, occasion and way, written before it is sent.
create table bridge.notifications (
  id uuid primary key default gen_random_uuid(), -- the receiver's key against a repeat after a crash
  run_id uuid not null references bridge.runs on delete cascade,
  way text not null check (way in ('mail', 'webhook')),
  state text not null check (state in ('done', 'failed', 'attention')),
  occasion text not null,                      -- what happened, so that it is told once
  made_at timestamptz not null default clock_timestamp(),
  attempts integer not null default 0,
  next_at timestamptz not null default clock_timestamp(),
  sent_at timestamptz, given_up_at timestamptz,
  problem text,
  unique (run_id, way, occasion)
);
create index notifications_open on bridge.notifications (next_at) where sent_at is null and given_up_at is null;

-- Since when a way is switched on: nobody is told of what happened before.
create table bridge.notification_ways (
  way text primary key,
  since timestamptz not null default clock_timestamp()
);
