-- revision: 1
-- Adds requests to the sums by minute, hour and day, and takes others out, which were added before. The caller holds the
-- ledger's lock, so no two of these run at once. Minutes that are no longer kept are left out.
create or replace function add_usage(added usage_event[], removed usage_event[]) returns void language plpgsql as $$
begin
    insert into usage_sum as s (unit, bucket, org_id, key_id, model, deployment, requested, outcome, status_class, cached, requests,
        counted_requests, input_tokens, cache_read_tokens, cache_write_tokens, cache_write_hour_tokens, image_input_tokens,
        output_tokens, reasoning_tokens, images, nano_usd, saved_nano_usd, duration_ms, first_bytes, first_byte_ms)
    with moved as (
        select 1 as sign, coalesce(a.charged_at, usage_instant(a)) as at, a.* from unnest(added) a
        union all
        select -1, coalesce(r.charged_at, usage_instant(r)), r.* from unnest(removed) r
    )
    select unit, date_trunc(unit, at, 'UTC'), org_id, key_id, model, deployment, requested, outcome, (status / 100)::smallint,
        kind = 'final' and saved_nano_usd is not null, sum(sign), sum(sign * (kind = 'reaped' or not given_back)::integer),
        sum(sign * input_tokens), sum(sign * cache_read_tokens), sum(sign * cache_write_tokens),
        sum(sign * cache_write_hour_tokens), sum(sign * image_input_tokens), sum(sign * output_tokens),
        sum(sign * reasoning_tokens), sum(sign * images), sum(sign * nano_usd),
        coalesce(sum(sign * saved_nano_usd) filter (where kind = 'final'), 0), sum(sign * duration_ms),
        sum(sign * (first_byte_ms > 0)::integer), sum(sign * first_byte_ms)
    from moved, unnest(array['minute', 'hour', 'day']) unit
    where unit <> 'minute' or date_trunc('minute', at, 'UTC') >= usage_minutes_begin()
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    order by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    on conflict (unit, bucket, org_id, key_id, model, deployment, requested, outcome, status_class, cached) do update set
        requests = s.requests + excluded.requests, counted_requests = s.counted_requests + excluded.counted_requests,
        input_tokens = s.input_tokens + excluded.input_tokens,
        cache_read_tokens = s.cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = s.cache_write_tokens + excluded.cache_write_tokens,
        cache_write_hour_tokens = s.cache_write_hour_tokens + excluded.cache_write_hour_tokens,
        image_input_tokens = s.image_input_tokens + excluded.image_input_tokens,
        output_tokens = s.output_tokens + excluded.output_tokens,
        reasoning_tokens = s.reasoning_tokens + excluded.reasoning_tokens, images = s.images + excluded.images,
        nano_usd = s.nano_usd + excluded.nano_usd, saved_nano_usd = s.saved_nano_usd + excluded.saved_nano_usd,
        duration_ms = s.duration_ms + excluded.duration_ms, first_bytes = s.first_bytes + excluded.first_bytes,
        first_byte_ms = s.first_byte_ms + excluded.first_byte_ms;

    insert into usage_latency as s (unit, bucket, org_id, model, deployment, below_ms, durations, first_bytes)
    with moved as (
        select 1 as sign, coalesce(a.charged_at, usage_instant(a)) as at, a.* from unnest(added) a
        union all
        select -1, coalesce(r.charged_at, usage_instant(r)), r.* from unnest(removed) r
    ), by_minute as (
        select date_trunc('minute', at, 'UTC') as minute, org_id, model, deployment, latency_class(ms) as below_ms,
            sum(sign) filter (where not first) as durations, sum(sign) filter (where first) as first_bytes
        from moved, lateral (values (false, duration_ms), (true, first_byte_ms)) as took(first, ms)
        where saved_nano_usd is null and (ms > 0 or not first)
        group by 1, 2, 3, 4, 5
    )
    select unit, date_trunc(unit, minute, 'UTC'), org_id, model, deployment, below_ms, coalesce(sum(durations), 0),
        coalesce(sum(first_bytes), 0)
    from by_minute, unnest(array['minute', 'hour', 'day']) unit
    where unit <> 'minute' or minute >= usage_minutes_begin()
    group by 1, 2, 3, 4, 5, 6
    order by 1, 2, 3, 4, 5, 6
    on conflict (unit, bucket, org_id, model, deployment, below_ms) do update
        set durations = s.durations + excluded.durations, first_bytes = s.first_bytes + excluded.first_bytes;
end
$$;
