-- What a caller asked to be done with results beside importing them (attachments, tables, names), and what became of it.
alter table bridge.runs add column delivery jsonb;
alter table bridge.runs add column delivered jsonb;
