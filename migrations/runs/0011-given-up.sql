-- How many runs are in each state, without reading the runs themselves: a run that was given up is in a state of its own.
drop index bridge.runs_states;
create index runs_states on bridge.runs (group_id, user_id) include (outcome, attention, abandoned_at);
