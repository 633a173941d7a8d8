-- Keys. The key itself is nowhere: only its HMAC under a pepper that this database does not hold.
create table api_key (
    id text primary key constraint "a key's id is key_ and 16 base62 characters" check (id ~ '^key_[0-9A-Za-z]{16}$'),
    org_id text not null references org (id),
    name text not null constraint "a key's name has 1 to 128 characters" check (length(name) between 1 and 128),
    digest text not null unique constraint "a digest is 64 hexadecimal characters" check (digest ~ '^[0-9a-f]{64}$'),
    display text not null,
    status text not null default 'active' constraint "a key is active or revoked" check (status in ('active', 'revoked')),
    expires_at timestamptz constraint "an expiry is an instant" check (isfinite(expires_at)),
    -- Names it may call; null means all.
    allowed_models text[],
    requests_per_minute limit_count,
    tokens_per_minute limit_count,
    concurrent_requests limit_count,
    requests_per_day limit_count,
    requests_per_month limit_count,
    nano_usd_per_day limit_nano_usd,
    nano_usd_per_month limit_nano_usd,
    version bigint not null default nextval('record_version'),
    created_at timestamptz not null default now(),
    revoked_at timestamptz,
    constraint "a revoked key stays revoked and says since when" check ((status = 'revoked') = (revoked_at is not null))
);
create index api_key_org on api_key (org_id);

create table admin_token (
    singleton boolean primary key default true check (singleton),
    digest text not null,
    created_at timestamptz not null default now()
);
