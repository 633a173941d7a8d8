-- revision: 1
-- Ingests usage events: [{"kind": ..., "event": {...}}, ...]. The same event twice changes nothing. Where a request
-- has both a reaped and a final row, the final one counts, in whichever order they come. A request is counted by its
-- final row where there is one: if that row gave its request unit back, the request no longer counts. What the cache
-- saved comes from the final row alone. Returns how many rows are new.
create or replace function take_usage_in(events jsonb) returns bigint language sql as $$
    with incoming as (
        select
            (to_timestamp(('x' || substr(replace(e ->> 'id', '-', ''), 1, 12))::bit(48)::bigint / 1000.0) at time zone 'utc')::date as day,
            (e ->> 'id')::uuid as id, x ->> 'kind' as kind, e
        from jsonb_array_elements(events) as x, lateral (select x -> 'event' as e) as inside
    ), inserted as (
        insert into usage_event (day, id, kind, key_id, org_id, requested, model, deployment, price_id, admitted_at, input_tokens,
            cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, usage_source, nano_usd, held_nano_usd,
            outcome, status, attempts, streamed, given_back, first_byte_ms, duration_ms, config_version, worker, raw_usage,
            image_input_tokens, cache_write_hour_tokens, images, image_place, saved_nano_usd, pool)
        select day, id, kind, e ->> 'keyID', e ->> 'orgID', e ->> 'requested', e ->> 'model', e ->> 'deployment',
            (e ->> 'priceID')::bigint, to_timestamp((e ->> 'admittedMs')::bigint / 1000.0),
            (e -> 'usage' ->> 'input')::bigint, (e -> 'usage' ->> 'cacheRead')::bigint, (e -> 'usage' ->> 'cacheWrite')::bigint,
            (e -> 'usage' ->> 'output')::bigint, (e -> 'usage' ->> 'reasoning')::bigint, e ->> 'usageSource',
            (e ->> 'cost')::bigint, (e ->> 'hold')::bigint, e ->> 'outcome', (e ->> 'status')::integer,
            (e ->> 'attempts')::integer, (e ->> 'streamed')::boolean, (e ->> 'givenBack')::boolean, (e ->> 'firstByteMs')::bigint,
            (e ->> 'durationMs')::bigint, (e ->> 'configVersion')::bigint, e ->> 'owner', e ->> 'rawUsage',
            coalesce((e -> 'usage' ->> 'imageInput')::bigint, 0), coalesce((e -> 'usage' ->> 'cacheWriteHour')::bigint, 0),
            coalesce((e -> 'usage' ->> 'images')::bigint, 0), coalesce((e -> 'usage' ->> 'imagePlace')::integer, 0),
            (e ->> 'saved')::bigint, e ->> 'pool'
        from incoming
        on conflict do nothing
        returning day, id, kind, key_id, org_id, (admitted_at at time zone 'utc')::date as admitted_on, nano_usd, given_back,
            saved_nano_usd, pool
    ), fresh as (
        -- The day of a reaped row is by Redis's clock; a worker that never heard of the admission goes by its own.
        select day, id, key_id, org_id, coalesce(min(admitted_on) filter (where kind = 'reaped'), min(admitted_on)) as admitted_on,
            max(nano_usd) filter (where kind = 'final') as final, max(nano_usd) filter (where kind = 'reaped') as reaped,
            max((not given_back)::int) filter (where kind = 'final') as final_count, 1 as reaped_count,
            max(saved_nano_usd) filter (where kind = 'final') as saved, max(pool) as pool
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
            count(f.saved) as cache_hits, coalesce(sum(f.saved), 0) as saved_nano_usd, f.pool
        from fresh f left join known k using (day, id)
        group by 1, f.key_id, f.org_id, f.pool
    ), pooled as (
        insert into pool_spend as s (day, plan, org_id, nano_usd, requests)
        select admitted_on, pool, org_id, sum(nano_usd), sum(requests) from change where pool is not null
        group by 1, 2, 3 order by 1, 2, 3
        on conflict (day, plan, org_id) do update
            set nano_usd = s.nano_usd + excluded.nano_usd, requests = s.requests + excluded.requests
    ), summed as (
        insert into spend as s (day, key_id, org_id, nano_usd, requests, cache_hits, saved_nano_usd)
        select admitted_on, key_id, org_id, sum(nano_usd), sum(requests), sum(cache_hits), sum(saved_nano_usd) from change
        group by 1, 2, 3 order by 1, 2
        on conflict (day, key_id) do update
            set nano_usd = s.nano_usd + excluded.nano_usd, requests = s.requests + excluded.requests,
                cache_hits = s.cache_hits + excluded.cache_hits, saved_nano_usd = s.saved_nano_usd + excluded.saved_nano_usd
    )
    select count(*) from inserted
$$;
