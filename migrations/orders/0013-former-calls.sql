-- What importers of former versions call while a site is upgraded one after the other: answered as ever.

create function bridge.claim_order(of_order text, new_holder text, ttl_ms bigint, since_row bigint)
returns jsonb language sql as $$
  select bridge.order_call(jsonb_build_object('do', 'claim', 'order', of_order, 'holder', new_holder, 'ttl', ttl_ms,
    'since', since_row))
$$;

create function bridge.open_import_session(of_order text, with_token bigint, new_session bigint, new_host text)
returns void language plpgsql as $$
begin
  perform bridge.order_call(jsonb_build_object('do', 'session', 'order', of_order, 'token', with_token, 'session', new_session,
    'host', new_host));
end $$;

create function bridge.close_order(of_order text, with_token bigint, since_row bigint, terminal text,
  new_file_names text, new_description text, results jsonb) returns double precision language sql as $$
  select (bridge.order_call(jsonb_build_object('do', 'close', 'order', of_order, 'token', with_token, 'since', since_row,
    'terminal', terminal, 'file_names', new_file_names, 'description', new_description, 'results', results))
    ->> 'seconds')::float8
$$;
