-- Images, image input and what a provider's cache keeps for an hour are counted; events without them have none.
alter table usage_event
    add column image_input_tokens bigint not null default 0,
    add column cache_write_hour_tokens bigint not null default 0,
    -- Images charged one by one, and at which of the price's rows of price_image: counted from 0, in the order of their places.
    add column images bigint not null default 0,
    add column image_place integer not null default 0;

-- The same as before, with these columns.
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
            image_input_tokens, cache_write_hour_tokens, images, image_place)
        select day, id, kind, e ->> 'keyID', e ->> 'orgID', e ->> 'requested', e ->> 'model', e ->> 'deployment',
            (e ->> 'priceID')::bigint, to_timestamp((e ->> 'admittedMs')::bigint / 1000.0),
            (e -> 'usage' ->> 'input')::bigint, (e -> 'usage' ->> 'cacheRead')::bigint, (e -> 'usage' ->> 'cacheWrite')::bigint,
            (e -> 'usage' ->> 'output')::bigint, (e -> 'usage' ->> 'reasoning')::bigint, e ->> 'usageSource',
            (e ->> 'cost')::bigint, (e ->> 'hold')::bigint, e ->> 'outcome', (e ->> 'status')::integer,
            (e ->> 'attempts')::integer, (e ->> 'streamed')::boolean, (e ->> 'givenBack')::boolean, (e ->> 'firstByteMs')::bigint,
            (e ->> 'durationMs')::bigint, (e ->> 'configVersion')::bigint, e ->> 'owner', e ->> 'rawUsage',
            coalesce((e -> 'usage' ->> 'imageInput')::bigint, 0), coalesce((e -> 'usage' ->> 'cacheWriteHour')::bigint, 0),
            coalesce((e -> 'usage' ->> 'images')::bigint, 0), coalesce((e -> 'usage' ->> 'imagePlace')::integer, 0)
        from incoming
        on conflict do nothing
        returning day, id, kind, key_id, org_id, (admitted_at at time zone 'utc')::date as admitted_on, nano_usd, given_back
    ), fresh as (
        select day, id, key_id, org_id, min(admitted_on) as admitted_on,
            max(nano_usd) filter (where kind = 'final') as final, max(nano_usd) filter (where kind = 'reaped') as reaped,
            max((not given_back)::int) filter (where kind = 'final') as final_count, 1 as reaped_count
        from inserted group by day, id, key_id, org_id
    ), known as (
        -- What stood before this statement: its own inserts are not visible to it.
        select u.day, u.id, max(u.nano_usd) filter (where u.kind = 'final') as final,
            max(u.nano_usd) filter (where u.kind = 'reaped') as reaped,
            max((not u.given_back)::int) filter (where u.kind = 'final') as final_count, 1 as reaped_count
        from usage_event u join fresh using (day, id) group by u.day, u.id
    ), change as (
        select f.admitted_on, f.key_id, f.org_id,
            sum(coalesce(f.final, k.final, f.reaped, k.reaped) - coalesce(k.final, k.reaped, 0)) as nano_usd,
            sum(coalesce(f.final_count, k.final_count, f.reaped_count) - coalesce(k.final_count, k.reaped_count, 0)) as requests
        from fresh f left join known k using (day, id)
        group by f.admitted_on, f.key_id, f.org_id
    ), summed as (
        insert into spend as s (day, key_id, org_id, nano_usd, requests)
        select admitted_on, key_id, org_id, nano_usd, requests from change order by admitted_on, key_id
        on conflict (day, key_id) do update
            set nano_usd = s.nano_usd + excluded.nano_usd, requests = s.requests + excluded.requests
    )
    select count(*) from inserted
$$;
