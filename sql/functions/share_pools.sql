-- revision: 1
-- Held by one transaction at a time, among all control planes.
create or replace function lock_pool_shares() returns void language sql as $$ select pg_advisory_xact_lock(7283910455) $$;

-- Begins the day of a plan's shared budget with equal shares. Changes nothing where the day has begun.
create or replace function begin_pool_day(of_plan text, of_day date) returns void language plpgsql as $$
begin
    perform lock_pool_shares();
    if exists (select from pool_share where plan = of_plan and day = of_day) then return; end if;
    insert into pool_share (plan, day, shard, nano_usd)
    select p.name, of_day, shard, p.nano_usd_per_day_all_orgs / 64
    from plan p, generate_series(0, 63) as shard where p.name = of_plan and p.nano_usd_per_day_all_orgs is not null;
end
$$;

-- Makes shares larger, in the given order, each as far as the plan's budget goes; only shares that still have the
-- given version. Returns those it changed.
create or replace function grow_pool_shares(of_plan text, of_day date, shards integer[], versions bigint[], wanted bigint[])
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

-- Records the shares that Redis has. With the same version, Redis may have less, never more. With a newer one, this
-- database was restored to an earlier state, and what Redis has is right.
create or replace function note_pool_shares(of_plan text, of_day date, shards integer[], versions bigint[], held bigint[])
    returns void language sql as $$
    select lock_pool_shares();
    update pool_share s
    set nano_usd = case when s.version < told.version then told.nano_usd else least(s.nano_usd, told.nano_usd) end, version = told.version
    from unnest(shards, versions, held) as told (shard, version, nano_usd)
    where s.plan = of_plan and s.day = of_day and s.shard = told.shard and s.version <= told.version
        and (s.version < told.version or s.nano_usd > told.nano_usd)
$$;
