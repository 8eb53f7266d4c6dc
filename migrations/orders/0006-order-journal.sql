-- What importers write about an order. Each call is one transaction and one round trip, and each is fenced: it writes
-- nothing for a holder whose lease was lost. Errors that our code knows by their number:
--   BB001 the lease was lost; BB002 the order is closed; BB003 another importer wrote the stage that is told as detail.

create function bridge.require_order_lease(of_order text, with_token bigint) returns void language plpgsql as $$
begin
  -- The row stays locked until the commit, so that a successor cannot begin in between.
  perform from bridge.leases
    where resource = 'order:' || of_order and token = with_token and expires_at > clock_timestamp() for share;
  if not found then
    raise exception 'the lease of order % was lost', of_order using errcode = 'BB001';
  end if;
end $$;

-- Repeats what the order says, as every importer does, and marks the row as ours.
create function bridge.append_stage(of_order text, new_stage text, new_file_names text, new_description text)
returns void language plpgsql as $$
begin
  with pending as (select * from imports where uuid = of_order and stage = 'Import Pending' order by id limit 1),
  written as (
    insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, "timestamp", files,
      file_names, description, preprocessing_id)
    select group_name, user_name, destination_id, destination_type, new_stage, uuid, clock_timestamp(), files,
      coalesce(new_file_names, file_names), new_description, preprocessing_id from pending
    returning id, uuid, stage)
  insert into bridge.order_stages (row_id, order_uuid, stage) select id, uuid, stage from written;
  perform pg_notify('bridge_orders', of_order);
end $$;

-- Until the transaction ends nobody else of ours appends a stage to this order. True when it is closed already.
create function bridge.lock_order(of_order text, since_row bigint) returns boolean language plpgsql as $$
declare
  foreign_stage text;
begin
  perform pg_advisory_xact_lock(hashtext('biomero_bridge_order'), hashtext(of_order));
  select i.stage into foreign_stage from imports i
    where i.uuid = of_order and i.stage <> 'Import Pending' and i.id > since_row
      and not exists (select from bridge.order_stages s where s.row_id = i.id)
    order by i.id limit 1;
  if found then
    raise exception 'another importer is at work on order %', of_order using errcode = 'BB003', detail = foreign_stage;
  end if;
  return exists (select from imports where uuid = of_order and stage in ('Import Completed', 'Import Failed'));
end $$;

-- Lists files as waiting; those that have a result keep it.
create function bridge.list_files(of_order text, paths text[]) returns void language sql as $$
  insert into bridge.order_files (order_uuid, path, position, state)
    select of_order, f.path, f.position, 'waiting' from unnest(paths) with ordinality as f(path, position)
    on conflict (order_uuid, path) do nothing;
$$;

-- Writes `Import Started` unless an earlier attempt did, and lists the files. Tells the seconds since the order was placed, null when it had been started before.
create function bridge.start_order(of_order text, with_token bigint, since_row bigint, paths text[],
  out waited double precision, out archive_path text) language plpgsql as $$
begin
  perform bridge.require_order_lease(of_order, with_token);
  if bridge.lock_order(of_order, since_row) then
    raise exception 'order % is closed', of_order using errcode = 'BB002';
  end if;
  if not exists (select from imports where uuid = of_order and stage = 'Import Started') then
    perform bridge.append_stage(of_order, 'Import Started', null, null);
    select extract(epoch from clock_timestamp() - min("timestamp"))::float8 into waited
      from imports where uuid = of_order and stage = 'Import Pending';
  end if;
  perform bridge.list_files(of_order, paths);
  select l.archive_path into archive_path from bridge.order_links l where l.order_uuid = of_order;
end $$;

-- The session that an import is about to run in: a successor ends it.
create function bridge.note_session(of_order text, new_session bigint, new_host text) returns void language sql as $$
  insert into bridge.import_sessions (order_uuid, session_id, host) values (of_order, new_session, new_host)
    on conflict (order_uuid) do update set session_id = excluded.session_id, host = excluded.host, process = null,
      closed_at = null, started_at = clock_timestamp();
$$;

create function bridge.open_import_session(of_order text, with_token bigint, new_session bigint, new_host text)
returns void language plpgsql as $$
begin
  perform bridge.require_order_lease(of_order, with_token);
  perform bridge.note_session(of_order, new_session, new_host);
end $$;

create function bridge.write_files(of_order text, results jsonb) returns void language sql as $$
  update bridge.order_files f set state = r.state, fileset_id = r."filesetId", image_ids = r."imageIds",
      plate_ids = r."plateIds", error = r.error, updated_at = clock_timestamp()
    from jsonb_to_recordset(results) as r(path text, state text, "filesetId" bigint, "imageIds" bigint[],
      "plateIds" bigint[], error text)
    where f.order_uuid = of_order and f.path = r.path;
$$;

-- Results of files while others are still imported; with `ended` nothing can go on in the import's session any more.
create function bridge.settle_files(of_order text, with_token bigint, results jsonb, ended boolean)
returns void language plpgsql as $$
begin
  perform bridge.require_order_lease(of_order, with_token);
  perform bridge.write_files(of_order, results);
  if ended then
    delete from bridge.import_sessions where order_uuid = of_order;
  end if;
  perform pg_notify('bridge_orders', of_order);
end $$;

-- The last results and the one terminal row, unless there is one already; nothing goes on in the import's session, and
-- the lease ends with it. Tells the seconds since the order was started, null when it never was.
create function bridge.close_order(of_order text, with_token bigint, since_row bigint, terminal text,
  new_file_names text, new_description text, results jsonb) returns double precision language plpgsql as $$
begin
  perform bridge.require_order_lease(of_order, with_token);
  if not bridge.lock_order(of_order, since_row) then
    perform bridge.write_files(of_order, results);
    delete from bridge.import_sessions where order_uuid = of_order;
    delete from bridge.order_attempts where order_uuid = of_order;
    perform bridge.append_stage(of_order, terminal, new_file_names, new_description);
  end if;
  return (select extract(epoch from clock_timestamp() - min("timestamp"))::float8
    from imports where uuid = of_order and stage = 'Import Started');
end $$;
