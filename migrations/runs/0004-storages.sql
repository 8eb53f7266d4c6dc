-- Mounts of the shared storage that were adopted, and the marker that was last seen on each.
create table bridge.storages (
  path text primary key,                       -- where it is mounted, as base_dir has it
  marker uuid not null,
  seen_at timestamptz not null default clock_timestamp()
);
