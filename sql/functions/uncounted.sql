-- revision: 1
-- Given requests that were filed late, as [{"id", "life"}, …]: returns those that the counters of that generation
-- may not have, each with what it was charged when it was reaped. Redis remembers for a day which of them it has
-- counted, and refuses those.
create or replace function uncounted(late jsonb) returns table (id text, reaped_nano_usd bigint) language sql stable as $$
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
