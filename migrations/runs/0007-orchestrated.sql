-- Who starts, completes and fails the workflow and its tasks in BIOMERO's log: we, or BIOMERO's own orchestrator, which has
-- handed us the import task that it has added.
alter table bridge.runs
  add column orchestrated_by text not null default 'bridge' check (orchestrated_by in ('bridge', 'python'));
