-- What people asked of orders: cancelled, placed again.
create table bridge.order_audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  who text not null,
  action text not null,
  order_uuid text not null,
  reason text
);
create index order_audit_of_order on bridge.order_audit (order_uuid);

-- A retry of an order that another producer placed belongs to no run of ours.
alter table bridge.order_links
  alter column task_id drop not null,
  alter column run_id drop not null,
  alter column archive_path drop not null;
create index order_links_retry on bridge.order_links (retry_of) where retry_of is not null;
