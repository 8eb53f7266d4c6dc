-- Producers write the time of their orders, and it may be infinite: nothing can be counted from that, and before
-- PostgreSQL 17 to try is an error.
create or replace function bridge.start_order(of_order text, with_token bigint, since_row bigint, paths text[],
  out waited double precision, out archive_path text) language plpgsql as $$
begin
  perform bridge.require_order_lease(of_order, with_token);
  if bridge.lock_order(of_order, since_row) then
    raise exception 'order % is closed', of_order using errcode = 'BB002';
  end if;
  if not exists (select from imports where uuid = of_order and stage = 'Import Started') then
    perform bridge.append_stage(of_order, 'Import Started', null, null);
    select coalesce(extract(epoch from clock_timestamp() - min("timestamp")), 0)::float8 into waited
      from imports where uuid = of_order and stage = 'Import Pending' and isfinite("timestamp");
  end if;
  perform bridge.list_files(of_order, paths);
  select l.archive_path into archive_path from bridge.order_links l where l.order_uuid = of_order;
end $$;
