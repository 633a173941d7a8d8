-- What a plan may cost its operator: the names its keys may call, and one sum a UTC day for all of its orgs together, beside what
-- one org may spend. Null: every name, no such sum.
alter table plan add column models text[]
    constraint "a plan's list of models names at least one; null means all" check (cardinality(models) > 0);
alter table plan add column nano_usd_per_day_all_orgs limit_nano_usd;

create function refuse_bad_plan_models() returns trigger language plpgsql as $$
declare
    unknown text;
begin
    select allowed.name into unknown from unnest(new.models) as allowed (name)
    where not exists (select from model where model.name = allowed.name)
        and not exists (select from alias where alias.name = allowed.name)
    limit 1;
    if unknown is not null then
        raise exception 'plan % allows %, which is neither a model nor an alias', quote_literal(new.name), quote_literal(unknown)
            using hint = 'Load the model first (aihub-control load), or leave the name out.', errcode = 'check_violation';
    end if;
    return null;
end
$$;
create constraint trigger plan_allows_what_exists after insert or update of models on plan
    deferrable initially deferred for each row when (new.models is not null) execute function refuse_bad_plan_models();

-- The names a key may call: its own list as far as its plan's goes. Null means all.
create function models_of(key api_key) returns text[] language sql stable as $$
    select case when p.models is null then key.allowed_models when key.allowed_models is null then p.models
        else array(select name from unnest(key.allowed_models) as name where name = any(p.models)) end
    from org o join plan p on p.name = o.plan where o.id = key.org_id
$$;

-- How many requests of a key run at once where neither its plan nor the key itself says.
create function standard_concurrent_requests() returns bigint language sql immutable as $$ select 64::bigint $$;

-- A free org may spend 0.25 USD a day, and all of them together 25 USD; what an operator has set stays.
update plan set org_nano_usd_per_day = coalesce(org_nano_usd_per_day, 250000000), nano_usd_per_day_all_orgs = 25000000000
    where name = 'free';
-- How many requests run at once is told to the workers with each key: all are published again.
update org set plan = plan where plan <> 'free';

-- Plans in the words an operator thinks in.
create view plan_limits as
    select p.name as plan, p.models, usd(p.org_nano_usd_per_day) as usd_per_org_and_day,
        usd(p.nano_usd_per_day_all_orgs) as usd_per_day_all_orgs, p.org_requests_per_day, p.org_concurrent_requests,
        coalesce(p.key_concurrent_requests, standard_concurrent_requests()) as key_concurrent_requests,
        (select count(*) from org o where o.plan = p.name and o.status = 'active') as orgs,
        usd(coalesce((select sum(s.nano_usd) from spend s join org o on o.id = s.org_id
            where o.plan = p.name and s.day = (now() at time zone 'utc')::date), 0)::bigint) as usd_today_all_orgs
    from plan p;

create or replace view key_status as
    select k.id, k.name, k.display, o.name as org, o.plan,
        case when k.status = 'revoked' then 'revoked' when o.status = 'suspended' then 'suspended'
             when k.expires_at <= now() then 'expired' else 'active' end as status,
        usd(k.nano_usd_per_month) as usd_per_month,
        usd(coalesce(m.nano_usd, 0)::bigint) as usd_this_month, coalesce(m.requests, 0) as requests_this_month,
        k.requests_per_minute, k.expires_at, k.created_at,
        -- Whether the workers know the newest state yet.
        not exists (select from config_change c where c.published_at is null
            and ((c.subject = 'key' and c.subject_id = k.id) or (c.subject = 'org' and c.subject_id = o.id))) as in_force,
        k.outage_policy, overlap_ends_at(k) as overlap_ends_at,
        -- As they hold, of plan, org and key together.
        models_of(k) as models,
        coalesce(least(k.concurrent_requests, p.key_concurrent_requests), standard_concurrent_requests()) as concurrent_requests,
        usd(least(o.nano_usd_per_day, p.org_nano_usd_per_day)) as org_usd_per_day
    from api_key k join org o on o.id = k.org_id join plan p on p.name = o.plan
    left join lateral (
        select sum(nano_usd) as nano_usd, sum(requests) as requests from spend s
        where s.key_id = k.id and s.day >= date_trunc('month', now() at time zone 'utc')::date
    ) m on true;
grant select on plan_limits to gw_cp, gw_ro;
