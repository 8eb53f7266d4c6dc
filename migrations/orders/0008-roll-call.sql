-- The doctor asks who is there, and every running role answers what it sees: the same database, the same storage at the
-- same path, the same settings. A call goes with its answers as soon as the doctor has read them.

create table bridge.roll_calls (
  id uuid primary key,
  called_at timestamptz not null default clock_timestamp(),
  -- A small file that only this call knows, and what it holds; null: none was written.
  probe_path text,
  probe_text text
);

create table bridge.roll_answers (
  call_id uuid not null references bridge.roll_calls on delete cascade,
  name text not null,
  roles text[] not null,
  host text not null,
  pid integer not null,
  answered_at timestamptz not null default clock_timestamp(),
  detail jsonb not null,
  primary key (call_id, name)
);
