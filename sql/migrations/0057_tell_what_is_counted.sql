-- What is filed late (its worker was not there when a shard's counters were put back) is counted in Redis by whoever takes it
-- in, unless the totals had it that were put back: so both have to say when they came about.
alter table usage_event add column taken_in_at timestamptz not null default now();
alter table shard_epoch add column began_at timestamptz not null default 'epoch';

-- The part of the usage ledger a request is in: the UTC day of its UUIDv7.
create function day_of_request(id uuid) returns date language sql immutable as $$
    select (to_timestamp(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0) at time zone 'utc')::date
$$;

-- Of requests filed late, as [{"id", "shard"}, …]: those the counters of their shard do not have. One that was counted not long
-- ago is named again, since Redis may have lost that; it refuses what it remembers.
create function uncounted(late jsonb) returns setof text language sql stable as $$
    select l.id::text
    from jsonb_to_recordset(late) as l(id uuid, shard integer)
    join shard_epoch e using (shard)
    left join usage_event u on u.day = day_of_request(l.id) and u.id = l.id and u.kind = 'final'
    where u.id is null or (u.taken_in_at > e.began_at and u.taken_in_at > now() - interval '10 minutes')
$$;
