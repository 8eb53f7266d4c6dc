-- A workflow that Python orchestrates may hand over several imports; each is a run. Null: the workflow's id is the run's.
alter table bridge.runs add column workflow_id uuid;
