-- The classic way: results wait in a local folder, are uploaded to OMERO, and the folder is removed again.
alter table bridge.archives add column kept boolean not null default true;
