-- What containers made of an order's files before they were imported: kept until the order's rows are removed, so that a
-- conversion that ended well is never run a second time.
create table bridge.conversions (
  order_uuid text not null,
  path text not null,
  folder text not null,
  outputs jsonb not null,
  at timestamptz not null default clock_timestamp(),
  primary key (order_uuid, path)
);
