-- What importers write about several orders is written for all of them by the same few statements: in a burst an order
-- costs a part of a plan's execution instead of two dozen of its own.

-- What stands in `imports` about an order. Read after its lock was taken, nobody of ours changes it until the commit.
-- Times are anybody's: nothing can be counted from an infinite one.
create function bridge.order_state(of_order text, since_row bigint) returns table (pending_id integer, placed_at timestamptz,
  started boolean, started_at timestamptz, closed boolean, foreign_id integer) language sql stable as $$
  select min(i.id) filter (where i.stage = 'Import Pending'),
    min(i."timestamp") filter (where i.stage = 'Import Pending' and isfinite(i."timestamp")),
    coalesce(bool_or(i.stage = 'Import Started'), false),
    min(i."timestamp") filter (where i.stage = 'Import Started' and isfinite(i."timestamp")),
    coalesce(bool_or(i.stage in ('Import Completed', 'Import Failed')), false),
    -- The first stage that another kind of importer wrote after this one began.
    min(i.id) filter (where i.stage <> 'Import Pending' and i.id > since_row
      and not exists (select from bridge.order_stages s where s.row_id = i.id))
  from imports i where i.uuid = of_order
$$;

-- An order of one statement, as far as the statement has come with it.
create type bridge.order_work as (place bigint, order_uuid text, since_row bigint, token bigint, call jsonb, opened jsonb,
  paths text[], pending_id integer, placed_at timestamptz, started boolean, started_at timestamptz, closed boolean,
  foreign_stage text);

-- Until the transaction ends nobody else of ours appends a stage to these orders.
create function bridge.lock_orders(orders text[]) returns void language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtext('biomero_bridge_order'), hashtext(o.order_uuid))
    from (select unnest(orders) as order_uuid order by 1) o;
end $$;

-- Takes orders that are free: their leases, what they ask for, and `Import Started` where nothing stands against it, so
-- that a worker's way to the import is one call. Null for an order that is closed; of one that somebody has, only whom.
create function bridge.claim_orders(calls jsonb) returns table (place bigint, answer jsonb, code text, detail text)
language plpgsql as $$
#variable_conflict use_column
declare
  work bridge.order_work[];
begin
  with asked as materialized (
    select c.ordinality as place, c.value->>'order' as order_uuid, (c.value->>'since')::bigint as since_row, c.value as call
    from jsonb_array_elements(calls) with ordinality c where c.value->>'do' = 'claim'),
  seen as materialized (
    select a.*, s.pending_id, s.closed, (select i.stage from imports i where i.id = s.foreign_id) as foreign_stage
    from asked a cross join lateral bridge.order_state(a.order_uuid, a.since_row) s),
  -- As every lease is taken (src/lib/lease.ts).
  leased as (
    insert into bridge.leases as l (resource, holder, token, expires_at)
      select 'order:' || order_uuid, call->>'holder', (extract(epoch from clock_timestamp()) * 1000)::bigint,
        clock_timestamp() + (call->>'ttl')::bigint * interval '1 millisecond'
      from seen where pending_id is not null and not closed and foreign_stage is null order by order_uuid
      on conflict (resource) do update
        set holder = excluded.holder, token = greatest(l.token + 1, excluded.token), expires_at = excluded.expires_at
      where l.expires_at <= clock_timestamp()
      returning resource, token)
  select array_agg(row(s.place, s.order_uuid, s.since_row, l.token, s.call, o.opened, o.paths, s.pending_id, null, null, null,
      s.closed, s.foreign_stage)::bridge.order_work) into work
    from seen s left join leased l on l.resource = 'order:' || s.order_uuid
    -- Of a list that is too long to travel with others only that is told.
    left join lateral (
      select jsonb_build_object('id', i.id, 'uuid', i.uuid, 'group_name', i.group_name, 'user_name', i.user_name,
          'destination_id', i.destination_id, 'destination_type', i.destination_type, 'stage', i.stage,
          'files', case when length(i.files) <= 65536 then i.files end, 'file_names', i.file_names,
          'preprocessing_id', i.preprocessing_id, 'long', length(i.files) > 65536) as opened,
        case when i.preprocessing_id is null and length(i.files) <= 65536 then bridge.plain_paths(i.files) end as paths
      from imports i where i.id = s.pending_id) o on l.token is not null;

  -- From here on only those with a plain list of files: they are started.
  perform bridge.lock_orders(array_agg(w.order_uuid)) from unnest(work) w where w.paths is not null;
  with state as materialized (
    select w.place, w.order_uuid, w.since_row, w.token, w.opened, w.paths, s.*,
      (select i.stage from imports i where i.id = s.foreign_id) as foreign_stage
    from unnest(work) w cross join lateral bridge.order_state(w.order_uuid, w.since_row) s where w.paths is not null),
  startable as materialized (select * from state where not closed and foreign_stage is null),
  written as (
    insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, "timestamp", files,
        file_names, preprocessing_id)
      select i.group_name, i.user_name, i.destination_id, i.destination_type, 'Import Started', i.uuid, clock_timestamp(),
        i.files, i.file_names, i.preprocessing_id
      from startable s join imports i on i.id = s.pending_id where not s.started order by s.place
      returning id, uuid, stage),
  marked as (insert into bridge.order_stages (row_id, order_uuid, stage) select id, uuid, stage from written),
  listed as (
    insert into bridge.order_files (order_uuid, path, position, state)
      select s.order_uuid, f.path, f.position, 'waiting'
      from startable s cross join lateral unnest(s.paths) with ordinality as f(path, position)
      on conflict (order_uuid, path) do nothing),
  -- Closed, or taken by another importer, since it was looked at.
  given_back as (
    update bridge.leases l set expires_at = clock_timestamp() from state s
      where l.resource = 'order:' || s.order_uuid and l.token = s.token and (s.closed or s.foreign_stage is not null))
  select array_agg(row(w.place, w.order_uuid, w.since_row, w.token, w.call, w.opened, w.paths, w.pending_id, s.placed_at,
      s.started, s.started_at, coalesce(s.closed, w.closed), coalesce(s.foreign_stage, w.foreign_stage))::bridge.order_work)
    into work from unnest(work) w left join state s on s.place = w.place;
  perform pg_notify('bridge_orders', w.order_uuid) from unnest(work) w
    where w.paths is not null and not w.closed and w.foreign_stage is null and not w.started;

  return query select w.place,
      case
        when w.closed or w.pending_id is null or w.foreign_stage is not null then null
        when w.token is null then jsonb_build_object('holder',
          (select l.holder from bridge.leases l where l.resource = 'order:' || w.order_uuid))
        when w.paths is null then jsonb_build_object('token', w.token, 'row', w.opened)
        else jsonb_build_object('token', w.token, 'row', w.opened, 'started', jsonb_build_object(
          'waited', case when not w.started then
            coalesce(extract(epoch from clock_timestamp() - w.placed_at), 0)::float8 end,
          'archive_path', (select k.archive_path from bridge.order_links k where k.order_uuid = w.order_uuid)))
      end,
      case when not w.closed and w.foreign_stage is not null then 'BB003' end, w.foreign_stage
    from unnest(work) w;
end $$;

-- The sessions that imports are about to run in: a successor ends them.
create function bridge.note_sessions(calls jsonb) returns table (place bigint, answer jsonb, code text, detail text)
language plpgsql as $$
#variable_conflict use_column
begin
  return query with asked as materialized (
    select c.ordinality as place, c.value as call from jsonb_array_elements(calls) with ordinality c
    where c.value->>'do' = 'session'),
  -- The rows stay locked until the commit, so that a successor cannot begin in between.
  fenced as materialized (
    select a.place, a.call from asked a join bridge.leases l
      on l.resource = 'order:' || (a.call->>'order') and l.token = (a.call->>'token')::bigint
    where l.expires_at > clock_timestamp() order by l.resource for share of l),
  noted as (
    insert into bridge.import_sessions (order_uuid, session_id, host)
      select call->>'order', (call->>'session')::bigint, call->>'host' from fenced
      on conflict (order_uuid) do update set session_id = excluded.session_id, host = excluded.host, process = null,
        closed_at = null, started_at = clock_timestamp())
  select a.place, null::jsonb, case when f.place is null then 'BB001' end, null::text
    from asked a left join fenced f on f.place = a.place;
end $$;

-- The last results and the one terminal row of each order, unless there is one already; nothing goes on in the imports'
-- sessions, and the leases end with it. Tells the seconds since an order was started, null when it never was.
create function bridge.close_orders(calls jsonb) returns table (place bigint, answer jsonb, code text, detail text)
language plpgsql as $$
#variable_conflict use_column
declare
  work bridge.order_work[];
begin
  select array_agg(row(a.place, a.call->>'order', (a.call->>'since')::bigint, l.token, a.call, null, null, null, null, null,
      null, null, null)::bridge.order_work) into work
    from (select c.ordinality as place, c.value as call from jsonb_array_elements(calls) with ordinality c
      where c.value->>'do' = 'close') a
    left join (select l.resource, l.token from bridge.leases l
      where l.resource in (select 'order:' || (c.value->>'order') from jsonb_array_elements(calls) c)
        and l.expires_at > clock_timestamp() order by l.resource for no key update) l
      on l.resource = 'order:' || (a.call->>'order') and l.token = (a.call->>'token')::bigint;
  perform bridge.lock_orders(array_agg(w.order_uuid)) from unnest(work) w where w.token is not null;

  with state as materialized (
    select w.place, w.order_uuid, w.token, w.call, s.*,
      (select i.stage from imports i where i.id = s.foreign_id) as foreign_stage
    from unnest(work) w cross join lateral bridge.order_state(w.order_uuid, w.since_row) s where w.token is not null),
  closing as materialized (select * from state where not closed and foreign_stage is null),
  files as (
    update bridge.order_files f set state = r.state, fileset_id = r."filesetId", image_ids = r."imageIds",
        plate_ids = r."plateIds", error = r.error, updated_at = clock_timestamp()
      from closing c cross join lateral jsonb_to_recordset(c.call->'results') as r(path text, state text,
        "filesetId" bigint, "imageIds" bigint[], "plateIds" bigint[], error text)
      where f.order_uuid = c.order_uuid and f.path = r.path),
  sessions as (delete from bridge.import_sessions s using closing c where s.order_uuid = c.order_uuid),
  attempts as (delete from bridge.order_attempts t using closing c where t.order_uuid = c.order_uuid),
  written as (
    insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, "timestamp", files,
        file_names, description, preprocessing_id)
      select i.group_name, i.user_name, i.destination_id, i.destination_type, c.call->>'terminal', i.uuid,
        clock_timestamp(), i.files, coalesce(c.call->>'file_names', i.file_names), c.call->>'description',
        i.preprocessing_id
      from closing c join imports i on i.id = c.pending_id order by c.place
      returning id, uuid, stage),
  marked as (insert into bridge.order_stages (row_id, order_uuid, stage) select id, uuid, stage from written),
  ended as (
    update bridge.leases l set expires_at = clock_timestamp() from state s
      where l.resource = 'order:' || s.order_uuid and l.token = s.token and s.foreign_stage is null)
  select array_agg(row(w.place, w.order_uuid, w.since_row, w.token, null, null, null, s.pending_id, s.placed_at, s.started,
      s.started_at, s.closed, s.foreign_stage)::bridge.order_work)
    into work from unnest(work) w left join state s on s.place = w.place;
  perform pg_notify('bridge_orders', w.order_uuid) from unnest(work) w
    where w.token is not null and not w.closed and w.foreign_stage is null;

  return query select w.place,
      case when w.token is not null and w.foreign_stage is null then
        jsonb_build_object('seconds', extract(epoch from clock_timestamp() - w.started_at)::float8) end,
      case when w.token is null then 'BB001' when w.foreign_stage is not null then 'BB003' end, w.foreign_stage
    from unnest(work) w;
end $$;

-- One call that few orders need.
create function bridge.rare_order_call(call jsonb) returns jsonb language plpgsql as $$
declare
  of_order text := call->>'order';
  with_token bigint := (call->>'token')::bigint;
  started record;
begin
  case call->>'do'
    when 'start' then
      select * into started from bridge.start_order(of_order, with_token, (call->>'since')::bigint,
        array(select jsonb_array_elements_text(call->'paths')));
      return jsonb_build_object('waited', started.waited, 'archive_path', started.archive_path);
    when 'settle' then
      perform bridge.settle_files(of_order, with_token, call->'results', (call->>'ended')::boolean);
      return null;
  end case;
end $$;

-- Calls of several orders, one of a kind for each. One that is refused, for a lease that was lost or an order that is
-- closed, does not touch the others; anything else that goes wrong undoes all. Everything is looked up by index, whatever
-- the planner makes of lists whose length it cannot know.
create function bridge.answer_calls(calls jsonb) returns table (place bigint, answer jsonb, code text, detail text)
language plpgsql set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
  set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  call jsonb;
begin
  if exists (select from jsonb_array_elements(calls) c group by c->>'order', c->>'do' having count(*) > 1) then
    raise exception 'an order is named twice';
  end if;
  if calls @> '[{"do": "claim"}]' then
    return query select * from bridge.claim_orders(calls);
  end if;
  if calls @> '[{"do": "session"}]' then
    return query select * from bridge.note_sessions(calls);
  end if;
  for call, place in
    select c.value, c.ordinality from jsonb_array_elements(calls) with ordinality c
    where c.value->>'do' not in ('claim', 'session', 'close') order by c.value->>'order', c.ordinality
  loop
    begin
      answer := bridge.rare_order_call(call);
      code := null;
      detail := null;
    exception when sqlstate 'BB001' or sqlstate 'BB002' or sqlstate 'BB003' then
      answer := null;
      get stacked diagnostics code = returned_sqlstate, detail = pg_exception_detail;
    end;
    return next;
  end loop;
  if calls @> '[{"do": "close"}]' then
    return query select * from bridge.close_orders(calls);
  end if;
end $$;

-- None waits long for somebody's lock, as all would wait with it.
create or replace function bridge.order_calls(calls jsonb) returns table (place bigint, answer jsonb, code text, detail text)
language plpgsql set lock_timeout = '500ms' as $$
begin
  return query select * from bridge.answer_calls(calls);
end $$;

-- A call that goes alone; what is refused is an error with the same number.
create or replace function bridge.order_call(call jsonb) returns jsonb language plpgsql as $$
declare
  answered record;
begin
  select * into answered from bridge.answer_calls(jsonb_build_array(call));
  if answered.code is not null then
    raise exception 'refused' using errcode = answered.code, detail = coalesce(answered.detail, '');
  end if;
  return answered.answer;
end $$;

drop function bridge.claim_order(text, text, bigint, bigint);
drop function bridge.close_order(text, bigint, bigint, text, text, text, jsonb);
drop function bridge.open_order(text);
drop function bridge.open_import_session(text, bigint, bigint, text);
