-- What is filed late (its worker was not there when a shard's counters were put back, or it ended too long ago) is counted in
-- Redis by whoever takes it in, unless the totals had it that were put back: so both have to say when they came about. What stands here already was
-- counted by whatever was in force then.
alter table usage_event add column taken_in_at timestamptz not null default 'epoch';
alter table usage_event alter column taken_in_at set default now();
-- Its worker filed it past Redis's counters.
alter table usage_event add column filed_late boolean not null default false;
alter table shard_epoch add column began_at timestamptz not null default 'epoch';
-- The newest life that was made ready; gen may be the number of one that never was.
alter table shard_epoch add column begun bigint not null default 0;
-- For requests that were reaped not long ago.
create index usage_event_reaped on usage_event (admitted_at) where kind = 'reaped';

-- The part of the usage ledger a request is in: the UTC day of its UUIDv7.
create function day_of_request(id uuid) returns date language sql immutable as $$
    select (to_timestamp(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0) at time zone 'utc')::date
$$;

-- As before, with filed_late: events that say "late" beside kind and event.
create or replace function take_usage_in(events jsonb) returns bigint language sql as $$
    with incoming as (
        select day_of_request((e ->> 'id')::uuid) as day, (e ->> 'id')::uuid as id, x ->> 'kind' as kind, x ? 'late' as late, e
        from jsonb_array_elements(events) as x, lateral (select x -> 'event' as e) as inside
    ), inserted as (
        insert into usage_event (day, id, kind, key_id, org_id, requested, model, deployment, price_id, admitted_at, input_tokens,
            cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, usage_source, nano_usd, held_nano_usd,
            outcome, status, attempts, streamed, given_back, first_byte_ms, duration_ms, config_version, worker, raw_usage,
            image_input_tokens, cache_write_hour_tokens, images, image_place, saved_nano_usd, filed_late)
        select day, id, kind, e ->> 'keyID', e ->> 'orgID', e ->> 'requested', e ->> 'model', e ->> 'deployment',
            (e ->> 'priceID')::bigint, to_timestamp((e ->> 'admittedMs')::bigint / 1000.0),
            (e -> 'usage' ->> 'input')::bigint, (e -> 'usage' ->> 'cacheRead')::bigint, (e -> 'usage' ->> 'cacheWrite')::bigint,
            (e -> 'usage' ->> 'output')::bigint, (e -> 'usage' ->> 'reasoning')::bigint, e ->> 'usageSource',
            (e ->> 'cost')::bigint, (e ->> 'hold')::bigint, e ->> 'outcome', (e ->> 'status')::integer,
            (e ->> 'attempts')::integer, (e ->> 'streamed')::boolean, (e ->> 'givenBack')::boolean, (e ->> 'firstByteMs')::bigint,
            (e ->> 'durationMs')::bigint, (e ->> 'configVersion')::bigint, e ->> 'owner', e ->> 'rawUsage',
            coalesce((e -> 'usage' ->> 'imageInput')::bigint, 0), coalesce((e -> 'usage' ->> 'cacheWriteHour')::bigint, 0),
            coalesce((e -> 'usage' ->> 'images')::bigint, 0), coalesce((e -> 'usage' ->> 'imagePlace')::integer, 0),
            (e ->> 'saved')::bigint, late
        from incoming
        on conflict do nothing
        returning day, id, kind, key_id, org_id, (admitted_at at time zone 'utc')::date as admitted_on, nano_usd, given_back,
            saved_nano_usd
    ), fresh as (
        -- The day of a reaped row is by Redis's clock; a worker that never heard of the admission goes by its own.
        select day, id, key_id, org_id, coalesce(min(admitted_on) filter (where kind = 'reaped'), min(admitted_on)) as admitted_on,
            max(nano_usd) filter (where kind = 'final') as final, max(nano_usd) filter (where kind = 'reaped') as reaped,
            max((not given_back)::int) filter (where kind = 'final') as final_count, 1 as reaped_count,
            max(saved_nano_usd) filter (where kind = 'final') as saved
        from inserted group by day, id, key_id, org_id
    ), known as (
        -- What stood before this statement: its own inserts are not visible to it.
        select u.day, u.id, max(u.nano_usd) filter (where u.kind = 'final') as final,
            max(u.nano_usd) filter (where u.kind = 'reaped') as reaped,
            max((not u.given_back)::int) filter (where u.kind = 'final') as final_count, 1 as reaped_count,
            (min(u.admitted_at) at time zone 'utc')::date as admitted_on
        from usage_event u join fresh using (day, id) group by u.day, u.id
    ), change as (
        -- A correction goes to the day that was charged.
        select coalesce(k.admitted_on, f.admitted_on) as admitted_on, f.key_id, f.org_id,
            sum(coalesce(f.final, k.final, f.reaped, k.reaped) - coalesce(k.final, k.reaped, 0)) as nano_usd,
            sum(coalesce(f.final_count, k.final_count, f.reaped_count) - coalesce(k.final_count, k.reaped_count, 0)) as requests,
            count(f.saved) as cache_hits, coalesce(sum(f.saved), 0) as saved_nano_usd
        from fresh f left join known k using (day, id)
        group by 1, f.key_id, f.org_id
    ), summed as (
        insert into spend as s (day, key_id, org_id, nano_usd, requests, cache_hits, saved_nano_usd)
        select admitted_on, key_id, org_id, nano_usd, requests, cache_hits, saved_nano_usd from change order by admitted_on, key_id
        on conflict (day, key_id) do update
            set nano_usd = s.nano_usd + excluded.nano_usd, requests = s.requests + excluded.requests,
                cache_hits = s.cache_hits + excluded.cache_hits, saved_nano_usd = s.saved_nano_usd + excluded.saved_nano_usd
    )
    select count(*) from inserted
$$;

-- Of requests filed late, as [{"id", "shard"}, …]: those the counters of their shard do not have, and what each was charged when
-- it was reaped. One that was counted late before is named again, since Redis may have lost that: it remembers what it counted
-- so for a day, and refuses that.
create function uncounted(late jsonb) returns table (id text, reaped_nano_usd bigint) language sql stable as $$
    select l.id::text, r.nano_usd
    from jsonb_to_recordset(late) as l(id uuid, shard integer)
    join shard_epoch e using (shard)
    left join usage_event u on u.day = day_of_request(l.id) and u.id = l.id and u.kind = 'final'
    left join usage_event r on r.day = day_of_request(l.id) and r.id = l.id and r.kind = 'reaped'
    where u.id is null or (u.filed_late and u.taken_in_at > e.began_at and u.taken_in_at > now() - interval '20 hours')
$$;
