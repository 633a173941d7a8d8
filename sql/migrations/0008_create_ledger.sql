-- The ledger: what every request cost, once. Partitioned by the day in the request's id; sums go by the day of admission.
create table usage_event (
    -- From the UUIDv7, for partitioning alone: one event can never land in two partitions.
    day date not null,
    id uuid not null,
    -- reaped: its worker died and the sweeper closed it; final: the worker's own word, which supersedes the other.
    kind text not null check (kind in ('reaped', 'final')),
    key_id text not null,
    org_id text not null,
    requested text not null,
    model text not null,
    deployment text not null,
    price_id bigint not null,
    admitted_at timestamptz not null,
    input_tokens bigint not null,
    cache_read_tokens bigint not null,
    cache_write_tokens bigint not null,
    output_tokens bigint not null,
    reasoning_tokens bigint not null,
    usage_source text not null,
    nano_usd bigint not null check (nano_usd >= 0),
    held_nano_usd bigint not null,
    outcome text not null,
    status integer not null,
    attempts integer not null,
    streamed boolean not null,
    -- The caller got nothing: not counted against request limits.
    given_back boolean not null,
    first_byte_ms bigint not null,
    duration_ms bigint not null,
    config_version bigint not null,
    worker text not null,
    raw_usage text,
    primary key (day, id, kind)
) partition by range (day);
create index usage_event_key on usage_event (key_id, admitted_at);
create index usage_event_org on usage_event (org_id, admitted_at);
create table usage_event_default partition of usage_event default;

create function create_usage_partitions(months integer) returns void language plpgsql security definer as $$
declare
    first date;
begin
    for i in 0..months loop
        first := (date_trunc('month', now() at time zone 'utc') + make_interval(months => i))::date;
        execute format(
            'create table if not exists usage_event_%s partition of usage_event for values from (%L) to (%L)',
            to_char(first, 'YYYY_MM'), first, (first + interval '1 month')::date);
    end loop;
end
$$;
select create_usage_partitions(3);

-- Sums by UTC day of admission. A month is the sum of its days.
create table spend (
    day date not null,
    key_id text not null,
    org_id text not null,
    nano_usd bigint not null,
    requests bigint not null,
    primary key (day, key_id)
);
create index spend_org on spend (org_id, day);

-- How far each shard's usage stream has been taken in; epoch fences off a reader that was superseded.
create table ledger_cursor (
    shard integer primary key check (shard between 0 and 63),
    last_id text not null default '0-0',
    epoch bigint not null default 0
);
insert into ledger_cursor (shard) select generate_series(0, 63);

-- The life of each shard's counters: raised when Redis lost them and they are rebuilt from here.
create table shard_epoch (
    shard integer primary key check (shard between 0 and 63),
    gen bigint not null default 0
);
insert into shard_epoch (shard) select generate_series(0, 63);
