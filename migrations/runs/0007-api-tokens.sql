-- Tokens with which machines use the HTTP API. The token itself is stored nowhere.
create table bridge.api_tokens (
  id text primary key,                         -- its public part
  name text not null,
  hash bytea not null,                         -- SHA-256 of the whole token
  scopes text[] not null,
  made_by text not null,
  made_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz, revoked_by text
);
create unique index api_tokens_name on bridge.api_tokens (name) where revoked_at is null;
