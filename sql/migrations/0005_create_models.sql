-- Models, what they cost, where they run, and the aliases that choose among them.
create table model (
    name text primary key constraint "a model's name has 1 to 256 printable characters" check (length(name) <= 256 and name ~ '^[[:graph:]]+$'),
    vendor text not null,
    kind text not null constraint "a model is for chat, embedding or image" check (kind in ('chat', 'embedding', 'image')),
    created_at timestamptz not null default now(),
    context_window bigint check (context_window > 0),
    max_output_tokens bigint not null check (max_output_tokens > 0),
    vision boolean not null default false,
    tools boolean not null default false,
    -- The provider refuses max_tokens and wants max_completion_tokens.
    wants_max_completion_tokens boolean not null default false,
    first_event_ms bigint not null default 60000 check (first_event_ms between 1 and 3600000),
    idle_ms bigint not null default 60000 check (idle_ms between 1 and 3600000)
);

-- Nano-USD per million tokens of each kind, in force from an instant until the next one.
create table price (
    id bigint generated always as identity primary key,
    model text not null references model (name),
    effective_from timestamptz not null default now() constraint "a price starts at an instant" check (isfinite(effective_from)),
    input bigint not null,
    cache_read bigint not null,
    cache_write bigint not null,
    output bigint not null,
    reasoning bigint not null,
    constraint "prices are 0 or more" check (least(input, cache_read, cache_write, output, reasoning) >= 0),
    unique (model, effective_from)
);

create table deployment (
    id text primary key constraint "a deployment's id has 1 to 128 printable characters" check (id ~ '^[[:graph:]]{1,128}$'),
    model text not null references model (name),
    provider_id text not null references provider (id),
    credential_id text references credential (id),
    upstream_model text not null check (length(upstream_model) between 1 and 256),
    -- Lower is tried first; weight is the share among equals.
    rank integer not null default 0,
    weight integer not null default 1 constraint "a deployment's weight is 1 to 1,000,000" check (weight between 1 and 1000000),
    enabled boolean not null default true
);
create index deployment_model on deployment (model);
create index deployment_provider on deployment (provider_id);
create index deployment_credential on deployment (credential_id);

create table alias (
    name text primary key constraint "an alias has 1 to 128 printable characters" check (name ~ '^[[:graph:]]{1,128}$'),
    -- The order in which GET /v1/models shows it.
    position integer not null default 1000,
    needs_vision boolean not null default false
);

create table alias_candidate (
    alias text not null references alias (name) on delete cascade,
    model text not null references model (name),
    rank integer not null default 0,
    weight integer not null default 1 constraint "a candidate's weight is 1 to 1,000,000" check (weight between 1 and 1000000),
    primary key (alias, model)
);
create index alias_candidate_model on alias_candidate (model);
