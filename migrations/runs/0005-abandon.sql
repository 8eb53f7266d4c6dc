-- Somebody gave a run up: stored first, carried out by whichever worker holds the run.
alter table bridge.runs
  add column abandoned_at timestamptz,
  add column abandoned_by text,
  add column abandoned_reason text;
