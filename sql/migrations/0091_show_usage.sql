-- runs with: 0070
-- One row per request, and usage in USD for operators.
create function usage_instant(event usage_event) returns timestamptz language sql stable as $$
    select coalesce(event.charged_at,
        (select r.admitted_at from usage_event r
            where event.kind = 'final' and r.day = event.day and r.id = event.id and r.kind = 'reaped' and r.charged_at is null),
        event.admitted_at)
$$;

create view usage_request as
    select e.id, e.day, coalesce(e.charged_at, usage_instant(e)) as charged_at, e.org_id, e.key_id, e.requested, e.model,
        e.deployment, e.outcome, e.status, e.kind = 'reaped' as reaped, e.kind = 'final' and e.saved_nano_usd is not null as cached,
        e.kind = 'reaped' or not e.given_back as counted, e.nano_usd,
        case when e.kind = 'final' then e.saved_nano_usd end as saved_nano_usd, e.held_nano_usd, e.price_id, e.input_tokens,
        e.cache_read_tokens, e.cache_write_tokens, e.cache_write_hour_tokens, e.image_input_tokens, e.output_tokens,
        e.reasoning_tokens, e.images, e.usage_source, e.attempts, e.streamed, e.first_byte_ms, e.duration_ms, e.config_version,
        e.worker, e.pool
    from usage_event e
    where e.kind = 'final'
        or not exists (select from usage_event f where f.day = e.day and f.id = e.id and f.kind = 'final');
comment on view usage_request is
    'One row per request: the row of usage_event that counts, which is the final one where there is one. Its sums are those of spend.';
comment on column usage_request.charged_at is 'The instant whose minute, hour, day and month the request is charged to.';
comment on column usage_request.counted is 'Whether it counts against request limits: its request unit was not refunded.';
comment on column usage_request.saved_nano_usd is 'For a cached response, what it cost when it was made.';

create view usage_by_day as
    select (d.bucket at time zone 'utc')::date as day, o.name as org, k.name as key, d.org_id, d.key_id, d.model, d.deployment,
        d.requested, sum(d.requests)::bigint as requests, sum(d.requests) filter (where d.cached)::bigint as cache_hits,
        sum(d.requests) filter (where d.outcome <> 'completed')::bigint as not_completed,
        sum(d.input_tokens + d.image_input_tokens + d.cache_read_tokens + d.cache_write_tokens + d.cache_write_hour_tokens)::bigint
            as input_tokens, sum(d.output_tokens + d.reasoning_tokens)::bigint as output_tokens,
        usd(sum(d.nano_usd)::bigint) as usd, usd(sum(d.saved_nano_usd)::bigint) as usd_saved,
        round(sum(d.duration_ms) / nullif(sum(d.requests), 0)) as mean_ms
    from usage_day d left join org o on o.id = d.org_id left join api_key k on k.id = d.key_id
    group by d.bucket, o.name, k.name, d.org_id, d.key_id, d.model, d.deployment, d.requested;
comment on view usage_by_day is 'Usage by UTC day, org, key, model, deployment and requested name, in USD.';

create view usage_differences as
    select day, key_id, coalesce(s.nano_usd, 0) as spend_nano_usd, coalesce(r.nano_usd, 0) as requests_nano_usd,
        coalesce(u.nano_usd, 0) as usage_day_nano_usd, coalesce(s.requests, 0) as spend_requests,
        coalesce(r.requests, 0) as counted_requests, coalesce(u.requests, 0) as usage_day_requests
    from spend s
    full join (
        select (charged_at at time zone 'utc')::date as day, key_id, sum(nano_usd)::bigint as nano_usd,
            count(*) filter (where counted) as requests
        from usage_request group by 1, 2) r using (day, key_id)
    full join (
        select (bucket at time zone 'utc')::date as day, key_id, sum(nano_usd)::bigint as nano_usd,
            sum(counted_requests)::bigint as requests
        from usage_day group by 1, 2) u using (day, key_id)
    where (coalesce(s.nano_usd, 0), coalesce(s.requests, 0)) <> (coalesce(r.nano_usd, 0), coalesce(r.requests, 0))
        or (coalesce(s.nano_usd, 0), coalesce(s.requests, 0)) <> (coalesce(u.nano_usd, 0), coalesce(u.requests, 0));
comment on view usage_differences is
    'Days and keys for which spend, the requests and usage_day do not say the same. Empty once usage_backfill is done and while no '
    'month of the ledger is detached. It reads the whole ledger.';

grant select on usage_request, usage_by_day, usage_differences to gw_cp, gw_ro;
grant select on usage_request to gw_ingest;
