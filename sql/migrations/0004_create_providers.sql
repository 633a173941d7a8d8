-- Providers and their credentials. A credential is AES-256-GCM under the KEK that only the control plane holds, bound to
-- its id, so a row copied over another does not open.
create table provider (
    id text primary key constraint "a provider's id is a short lower-case word" check (id ~ '^[a-z0-9][a-z0-9-]{0,31}$'),
    dialect text not null default 'openai' constraint "the dialects spoken so far: openai" check (dialect in ('openai')),
    base_url text not null
        constraint "a base URL is http(s)://host/path without user, query or trailing slash"
        check (base_url ~ '^https?://[A-Za-z0-9.\-\[\]:]+(/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?$'),
    -- Networks outside the public internet that may be connected to, such as 127.0.0.0/8.
    allowed_networks cidr[] not null default '{}',
    enabled boolean not null default true,
    constraint "plain http only into networks named in allowed_networks"
        check (base_url like 'https://%' or cardinality(allowed_networks) > 0)
);

create table credential (
    id text primary key constraint "a credential's id is a short lower-case word" check (id ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
    provider_id text not null references provider (id),
    sealed text not null,
    created_at timestamptz not null default now()
);
create index credential_provider on credential (provider_id);
