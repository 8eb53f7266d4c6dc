-- What the worker must know of a run's job and its data on the cluster.

alter table bridge.runs
  add column container text,                   -- file name of the container image; null: the job's script knows
  -- Its data on the cluster: 'keep' for good, 'remove' once archive and import stand, 'removed'.
  add column cluster_data text not null default 'keep' check (cluster_data in ('keep', 'remove', 'removed')),
  add column cluster_data_detail text;         -- why it is still there, or when it was removed
create index runs_to_tidy on bridge.runs (ended_at) where outcome = 'done' and cluster_data = 'remove';
