-- revision: 2
-- Ingests usage events: [{"kind": ..., "event": {...}}, ...]. The same event twice changes nothing. Where a request
-- has both a reaped and a final row, the final one counts, in whichever order they come. A request is counted by its
-- final row where there is one: if that row gave its request unit back, the request no longer counts. What the cache
-- saved comes from the final row alone. All sums are written with the rows. Returns how many rows are new.
create or replace function take_usage_in(events jsonb) returns bigint language sql as $$
    select lock_ledger();

    with incoming as materialized (
        select
            uuid_day((e ->> 'id')::uuid) as day, (e ->> 'id')::uuid as id, x ->> 'kind' as kind, to_timestamp((e ->> 'admittedMs')::bigint / 1000.0) as admitted_at, e
        from jsonb_array_elements(events) as x, lateral (select x -> 'event' as e) as inside
    ), known as (
        -- What stood before this statement. A request that has a row of either kind is corrected where it was charged.
        select distinct on (u.day, u.id) u as event, u.day, u.id, u.kind, usage_instant(u) as charged_at
        from usage_event u join (select distinct day, id from incoming) i using (day, id)
        order by u.day, u.id, u.kind
    ), inserted as (
        insert into usage_event (day, id, kind, key_id, org_id, requested, model, deployment, price_id, admitted_at, input_tokens,
            cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, usage_source, nano_usd, held_nano_usd,
            outcome, status, attempts, streamed, given_back, first_byte_ms, duration_ms, config_version, worker, raw_usage,
            image_input_tokens, cache_write_hour_tokens, images, image_place, saved_nano_usd, pool, charged_at)
        select i.day, i.id, i.kind, e ->> 'keyID', e ->> 'orgID', e ->> 'requested', e ->> 'model', e ->> 'deployment',
            (e ->> 'priceID')::bigint, i.admitted_at,
            (e -> 'usage' ->> 'input')::bigint, (e -> 'usage' ->> 'cacheRead')::bigint, (e -> 'usage' ->> 'cacheWrite')::bigint,
            (e -> 'usage' ->> 'output')::bigint, (e -> 'usage' ->> 'reasoning')::bigint, e ->> 'usageSource',
            (e ->> 'cost')::bigint, (e ->> 'hold')::bigint, e ->> 'outcome', (e ->> 'status')::integer,
            (e ->> 'attempts')::integer, (e ->> 'streamed')::boolean, (e ->> 'givenBack')::boolean, (e ->> 'firstByteMs')::bigint,
            (e ->> 'durationMs')::bigint, (e ->> 'configVersion')::bigint, e ->> 'owner', e ->> 'rawUsage',
            coalesce((e -> 'usage' ->> 'imageInput')::bigint, 0), coalesce((e -> 'usage' ->> 'cacheWriteHour')::bigint, 0),
            coalesce((e -> 'usage' ->> 'images')::bigint, 0), coalesce((e -> 'usage' ->> 'imagePlace')::integer, 0),
            (e ->> 'saved')::bigint, e ->> 'pool',
            -- The day of a reaped row is by Redis's clock; a worker that never heard of the admission goes by its own.
            coalesce(k.charged_at, min(i.admitted_at) filter (where i.kind = 'reaped') over (partition by i.day, i.id), i.admitted_at)
        from incoming i left join known k on k.day = i.day and k.id = i.id
        on conflict do nothing
        returning usage_event as event, day, id, kind, pool
    ), fresh as (
        select distinct on (day, id) event, day, id, kind, pool from inserted order by day, id, kind
    ), moved as (
        -- A request's row that counts from now on, and the one that counted before.
        select 1 as sign, f.event as e, f.pool from fresh f left join known k using (day, id) where k.kind is distinct from 'final'
        union all
        select -1, k.event, f.pool from fresh f join known k using (day, id) where k.kind = 'reaped'
    ), change as (
        select (coalesce((e).charged_at, usage_instant(e)) at time zone 'utc')::date as day, (e).key_id, (e).org_id, pool,
            sum(sign * (e).nano_usd) as nano_usd, sum(sign * ((e).kind = 'reaped' or not (e).given_back)::int) as requests,
            count((e).saved_nano_usd) filter (where (e).kind = 'final') as cache_hits,
            coalesce(sum((e).saved_nano_usd) filter (where (e).kind = 'final'), 0) as saved_nano_usd
        from moved group by 1, 2, 3, 4
    ), pooled as (
        insert into pool_spend as s (day, plan, org_id, nano_usd, requests)
        select day, pool, org_id, sum(nano_usd), sum(requests) from change where pool is not null
        group by 1, 2, 3 order by 1, 2, 3
        on conflict (day, plan, org_id) do update
            set nano_usd = s.nano_usd + excluded.nano_usd, requests = s.requests + excluded.requests
    ), summed as (
        insert into spend as s (day, key_id, org_id, nano_usd, requests, cache_hits, saved_nano_usd)
        select day, key_id, org_id, sum(nano_usd), sum(requests), sum(cache_hits), sum(saved_nano_usd) from change
        group by 1, 2, 3 order by 1, 2
        on conflict (day, key_id) do update
            set nano_usd = s.nano_usd + excluded.nano_usd, requests = s.requests + excluded.requests,
                cache_hits = s.cache_hits + excluded.cache_hits, saved_nano_usd = s.saved_nano_usd + excluded.saved_nano_usd
    ), rolled_up as materialized (
        select add_usage(array(select e from moved where sign > 0), array(select e from moved where sign < 0))
    )
    select (select count(*) from inserted) from rolled_up
$$;
