-- Runs by a part of their names, and by their job. Without pg_trgm, which some servers do not have or do not let the
-- owner of a database add, the search reads all runs.
create index runs_job on bridge.runs (job_id);
-- How many runs are in each state, and the names to choose from, without reading the runs themselves.
create index runs_states on bridge.runs (group_id, user_id) include (outcome, attention);
create index runs_named on bridge.runs (group_name, user_name, workflow) include (group_id, user_id);
do $$
begin
  create extension if not exists pg_trgm;
  create index runs_names on bridge.runs using gin (
    lower(workflow || ' ' || coalesce(input_name, '') || ' ' || coalesce(destination_name, '')) gin_trgm_ops);
exception when insufficient_privilege or undefined_file or feature_not_supported or undefined_object then
  raise notice 'pg_trgm is not available: searching runs by name reads them all';
end $$;
