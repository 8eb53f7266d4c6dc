-- Rows of imports that an importer of ours wrote. Any other row with a stage means that another kind is at work.
create table bridge.order_stages (
  row_id bigint primary key,
  order_uuid text not null,
  stage text not null
);

-- Orders whose import stopped for a reason that may pass: what it was, and when it is tried again, by whichever importer.
create table bridge.order_attempts (
  order_uuid text primary key,
  failures integer not null,
  code text,
  reason text not null,
  at timestamptz not null default clock_timestamp(),
  next_at timestamptz not null
);

alter table bridge.heartbeats add column pid integer;
