-- The doctor may ask workers to try the folders of groups, as the user whom they run as.
alter table bridge.roll_calls add column try_groups boolean not null default false;
