-- Pages of the list of runs, newest first, for everybody and for a group.
drop index bridge.runs_launched;
create index runs_page on bridge.runs (launched_at desc, id desc);
create index runs_of_group on bridge.runs (group_id, launched_at desc, id desc);
