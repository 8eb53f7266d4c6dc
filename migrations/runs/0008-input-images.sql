-- A run on some images of a dataset; null: on all of them.
alter table bridge.runs add column input_images bigint[];
