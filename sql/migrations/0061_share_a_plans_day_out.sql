-- The pool of a plan: what all of its orgs together may spend a UTC day (plan.nano_usd_per_day_all_orgs), shared out over the shards of
-- the state Redis by the control plane.

-- What the requests of a day that counted in a pool were charged, by org: an org may change its plan in the middle of a day.
alter table usage_event add column pool text;
create table pool_spend (
    day date not null,
    plan text not null,
    org_id text not null,
    nano_usd bigint not null,
    requests bigint not null,
    primary key (day, plan, org_id)
);

-- What each shard may let through at most: never less than what Redis has been told, so that the sum of a day's rows bounds what can
-- be spent whatever is lost on the way. A share is made larger here first and then in Redis, smaller in Redis first and then
-- here. Its version rises with every change; Redis refuses an older one.
create table pool_share (
    plan text not null references plan (name),
    day date not null,
    shard integer not null check (shard between 0 and 63),
    nano_usd bigint not null check (nano_usd >= 0),
    version bigint not null default 1,
    primary key (plan, day, shard)
);

-- As of 0055, with the pools.
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

-- One at a time, among all control planes: any number works as long as they take the same.
create function lock_pool_shares() returns void language sql as $$ select pg_advisory_xact_lock(7283910455) $$;

-- A day begins with equal shares. Nothing where it has begun.
create function begin_pool_day(of_plan text, of_day date) returns void language plpgsql as $$
begin
    perform lock_pool_shares();
    if exists (select from pool_share where plan = of_plan and day = of_day) then return; end if;
    insert into pool_share (plan, day, shard, nano_usd)
    select p.name, of_day, shard, p.nano_usd_per_day_all_orgs / 64
    from plan p, generate_series(0, 63) as shard where p.name = of_plan and p.nano_usd_per_day_all_orgs is not null;
end
$$;

-- Makes shares larger, in the order named, each as far as the plan's sum goes; only shares that still have the version named.
-- Returns those it changed.
create function grow_pool_shares(of_plan text, of_day date, shards integer[], versions bigint[], wanted bigint[])
    returns setof pool_share language plpgsql as $$
declare
    left_over bigint;
    grown pool_share;
begin
    perform lock_pool_shares();
    select p.nano_usd_per_day_all_orgs - (select sum(s.nano_usd) from pool_share s where s.plan = of_plan and s.day = of_day)
        into left_over from plan p where p.name = of_plan;
    for i in 1..cardinality(shards) loop
        exit when left_over is null or left_over <= 0;
        update pool_share s set nano_usd = least(wanted[i], s.nano_usd + left_over), version = s.version + 1
        where s.plan = of_plan and s.day = of_day and s.shard = shards[i] and s.version = versions[i] and s.nano_usd < wanted[i]
        returning * into grown;
        continue when not found;
        select p.nano_usd_per_day_all_orgs - (select sum(s.nano_usd) from pool_share s where s.plan = of_plan and s.day = of_day)
            into left_over from plan p where p.name = of_plan;
        return next grown;
    end loop;
end
$$;

-- What Redis says of its shares. The same version: it may have less, never more. A newer one: this database was put back to an earlier
-- state, and Redis knows better.
create function note_pool_shares(of_plan text, of_day date, shards integer[], versions bigint[], held bigint[])
    returns void language sql as $$
    select lock_pool_shares();
    update pool_share s
    set nano_usd = case when s.version < told.version then told.nano_usd else least(s.nano_usd, told.nano_usd) end, version = told.version
    from unnest(shards, versions, held) as told (shard, version, nano_usd)
    where s.plan = of_plan and s.day = of_day and s.shard = told.shard and s.version <= told.version
        and (s.version < told.version or s.nano_usd > told.nano_usd)
$$;

create view pool_today as
    select p.name as plan, usd(p.nano_usd_per_day_all_orgs) as usd_per_day_all_orgs, usd(coalesce(s.nano_usd, 0)::bigint) as usd_today,
        coalesce(s.requests, 0) as requests_today, coalesce(s.orgs, 0) as orgs_today,
        usd(coalesce(h.nano_usd, 0)::bigint) as usd_shared_out
    from plan p
    left join (select plan, sum(nano_usd) as nano_usd, sum(requests) as requests, count(*) as orgs from pool_spend
        where day = (now() at time zone 'utc')::date group by plan) s on s.plan = p.name
    left join (select plan, sum(nano_usd) as nano_usd from pool_share
        where day = (now() at time zone 'utc')::date group by plan) h on h.plan = p.name
    where p.nano_usd_per_day_all_orgs is not null;

grant select, insert, update on pool_spend to gw_ingest;
grant select, insert, update, delete on pool_share to gw_cp;
grant select on pool_spend, pool_today to gw_cp, gw_ro;
grant select on pool_share to gw_ro;
