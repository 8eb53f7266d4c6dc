-- When the OMERO session of an earlier attempt was closed: how long to wait for what goes on in OMERO counts from then,
-- however many successors die while they wait.
alter table bridge.import_sessions add column closed_at timestamptz;
