-- The newest life of a shard that was made ready; gen may be the number of one that never was.
alter table shard_epoch add column begun bigint not null default 0;
-- For requests that were reaped not long ago.
create index usage_event_reaped on usage_event (admitted_at) where kind = 'reaped';

-- What is filed late (its worker was not there when a shard's counters were put back, or it ended too long ago) is counted in
-- Redis by whoever takes it in, unless the ledger had it. What was counted so in which life of the shard: Redis may lose it again.
-- Kept for two days.
create table counted_late (
    id uuid,
    life bigint,
    counted_at timestamptz not null default now(),
    primary key (id, life)
);
create index counted_late_at on counted_late (counted_at);
grant select, insert, delete on counted_late to gw_ingest;
grant select on counted_late to gw_cp, gw_ro;

-- Of requests filed late, as [{"id", "life"}, …]: those the counters of that life may not have, and what each was charged when
-- it was reaped. Redis remembers for a day what it counted so, and refuses it then.
create function uncounted(late jsonb) returns table (id text, reaped_nano_usd bigint) language sql stable as $$
    with asked as (
        -- The UTC day of a UUIDv7, by which the ledger is parted.
        select (to_timestamp(('x' || substr(replace(l.id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0) at time zone 'utc')::date
            as day, l.id, l.life
        from jsonb_to_recordset(late) as l(id uuid, life bigint)
    )
    select a.id::text, r.nano_usd
    from asked a
    left join usage_event u on u.day = a.day and u.id = a.id and u.kind = 'final'
    left join usage_event r on r.day = a.day and r.id = a.id and r.kind = 'reaped'
    left join counted_late c on c.id = a.id and c.life = a.life
    where u.id is null or c.counted_at > now() - interval '20 hours'
$$;
