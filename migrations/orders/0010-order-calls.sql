-- What importers write about several orders at once: one round trip, one transaction, one write to the disk.

-- As before, and the lease ends in the same transaction.
create or replace function bridge.close_order(of_order text, with_token bigint, since_row bigint, terminal text,
  new_file_names text, new_description text, results jsonb) returns double precision language plpgsql as $$
begin
  perform bridge.require_order_lease(of_order, with_token);
  if not bridge.lock_order(of_order, since_row) then
    perform bridge.write_files(of_order, results);
    delete from bridge.import_sessions where order_uuid = of_order;
    delete from bridge.order_attempts where order_uuid = of_order;
    perform bridge.append_stage(of_order, terminal, new_file_names, new_description);
  end if;
  update bridge.leases set expires_at = clock_timestamp()
    where resource = 'order:' || of_order and token = with_token;
  return (select extract(epoch from clock_timestamp() - min("timestamp"))::float8
    from imports where uuid = of_order and stage = 'Import Started');
end $$;

-- The first pending row of an order that is open. Of a list that is too long to travel with others only that is told.
create function bridge.open_order(of_order text) returns jsonb language plpgsql as $$
begin
  return (select jsonb_build_object('id', id, 'uuid', uuid, 'group_name', group_name, 'user_name', user_name,
      'destination_id', destination_id, 'destination_type', destination_type, 'stage', stage,
      'files', case when length(files) <= 65536 then files end, 'file_names', file_names,
      'preprocessing_id', preprocessing_id, 'long', length(files) > 65536)
    from imports where uuid = of_order and stage = 'Import Pending'
      and not exists (select from imports t where t.uuid = of_order and t.stage in ('Import Completed', 'Import Failed'))
    order by id limit 1);
end $$;

-- The paths of an order whose list leaves no question open; null for one that only our code can judge.
create function bridge.plain_paths(list text) returns text[] language plpgsql immutable as $$
declare
  paths text[];
begin
  paths := array(select jsonb_array_elements_text(list::jsonb));
  if exists (select from unnest(paths) path where coalesce(path, '') !~ '^(/[^/]+)+$' or path ~ '/\.{1,2}(/|$)') then
    return null;
  end if;
  return nullif(paths, '{}');
exception when others then
  return null;
end $$;

-- Takes an order that is free: its lease, what it asks for, and `Import Started` where nothing stands against it, so that
-- a worker's way to the import is one call. Null for an order that is closed; of one that somebody has, only whom.
create function bridge.claim_order(of_order text, new_holder text, ttl_ms bigint, since_row bigint)
returns jsonb language plpgsql as $$
declare
  opened jsonb := bridge.open_order(of_order);
  with_token bigint;
  paths text[];
  started record;
begin
  if opened is null then
    return null;
  end if;
  -- As every lease is taken (src/lib/lease.ts).
  insert into bridge.leases as l (resource, holder, token, expires_at)
    values ('order:' || of_order, new_holder, (extract(epoch from clock_timestamp()) * 1000)::bigint,
      clock_timestamp() + ttl_ms * interval '1 millisecond')
    on conflict (resource) do update
      set holder = excluded.holder, token = greatest(l.token + 1, excluded.token), expires_at = excluded.expires_at
    where l.expires_at <= clock_timestamp()
    returning token into with_token;
  if with_token is null then
    return jsonb_build_object('holder', (select holder from bridge.leases where resource = 'order:' || of_order));
  end if;
  if opened->'preprocessing_id' = 'null' then
    paths := bridge.plain_paths(opened->>'files');
  end if;
  if paths is null then
    return jsonb_build_object('token', with_token, 'row', opened);
  end if;
  select * into started from bridge.start_order(of_order, with_token, since_row, paths);
  return jsonb_build_object('token', with_token, 'row', opened,
    'started', jsonb_build_object('waited', started.waited, 'archive_path', started.archive_path));
end $$;

-- One call by the name of its function; the others' arguments are those of the functions.
create function bridge.order_call(call jsonb) returns jsonb language plpgsql as $$
declare
  of_order text := call->>'order';
  with_token bigint := (call->>'token')::bigint;
  started record;
begin
  case call->>'do'
    when 'claim' then
      return bridge.claim_order(of_order, call->>'holder', (call->>'ttl')::bigint, (call->>'since')::bigint);
    when 'start' then
      select * into started from bridge.start_order(of_order, with_token, (call->>'since')::bigint,
        array(select jsonb_array_elements_text(call->'paths')));
      return jsonb_build_object('waited', started.waited, 'archive_path', started.archive_path);
    when 'session' then
      perform bridge.open_import_session(of_order, with_token, (call->>'session')::bigint, call->>'host');
      return null;
    when 'settle' then
      perform bridge.settle_files(of_order, with_token, call->'results', (call->>'ended')::boolean);
      return null;
    when 'close' then
      return jsonb_build_object('seconds', bridge.close_order(of_order, with_token, (call->>'since')::bigint,
        call->>'terminal', call->>'file_names', call->>'description', call->'results'));
  end case;
end $$;

-- Calls of several orders. One that is refused, for a lease that was lost or an order that is closed, does not touch the
-- others; anything else that goes wrong undoes all. None waits long for somebody's lock, as all would wait with it.
create function bridge.order_calls(calls jsonb) returns table (place bigint, answer jsonb, code text, detail text)
language plpgsql set lock_timeout = '500ms' as $$
declare
  call jsonb;
begin
  for call, place in
    select c.value, c.ordinality from jsonb_array_elements(calls) with ordinality c order by c.value->>'order', c.ordinality
  loop
    begin
      answer := bridge.order_call(call);
      code := null;
      detail := null;
    exception when sqlstate 'BB001' or sqlstate 'BB002' or sqlstate 'BB003' then
      answer := null;
      get stacked diagnostics code = returned_sqlstate, detail = pg_exception_detail;
    end;
    return next;
  end loop;
end $$;
