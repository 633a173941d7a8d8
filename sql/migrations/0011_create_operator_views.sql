-- What an operator reads and calls in psql. Functions take the same road as the API: same checks, audit and propagation.
create function usd(nano bigint) returns numeric language sql immutable as $$ select trim_scale(nano / 1000000000.0::numeric) $$;

create view spend_today as
    select o.id as org_id, o.name as org, k.id as key_id, k.name as key, usd(s.nano_usd) as usd, s.requests
    from spend s join api_key k on k.id = s.key_id join org o on o.id = s.org_id
    where s.day = (now() at time zone 'utc')::date
    order by s.nano_usd desc;

create view key_status as
    select k.id, k.name, k.display, o.name as org, o.plan,
        case when k.status = 'revoked' then 'revoked' when o.status = 'suspended' then 'suspended'
             when k.expires_at <= now() then 'expired' else 'active' end as status,
        usd(k.nano_usd_per_month) as usd_per_month,
        usd(coalesce(m.nano_usd, 0)::bigint) as usd_this_month, coalesce(m.requests, 0) as requests_this_month,
        k.requests_per_minute, k.expires_at, k.created_at,
        -- Whether the workers know the newest state yet.
        not exists (select from config_change c where c.published_at is null
            and ((c.subject = 'key' and c.subject_id = k.id) or (c.subject = 'org' and c.subject_id = o.id))) as in_force
    from api_key k join org o on o.id = k.org_id
    left join lateral (
        select sum(nano_usd) as nano_usd, sum(requests) as requests from spend s
        where s.key_id = k.id and s.day >= date_trunc('month', now() at time zone 'utc')::date
    ) m on true;

create view propagation_pending as
    select id as change_id, subject, subject_id, changed_at, clock_timestamp() - changed_at as age
    from config_change where published_at is null order by id;

create function revoke_key(key_id text) returns text language plpgsql as $$
begin
    update api_key set status = 'revoked', revoked_at = now() where id = key_id and status <> 'revoked';
    if not found and not exists (select from api_key where id = key_id) then
        raise exception 'there is no key %', quote_literal(key_id) using errcode = 'no_data_found';
    end if;
    return key_id || ' is revoked';
end
$$;

-- A key's budget per calendar month (UTC) in USD; null lifts it.
create function set_budget(key_id text, usd_per_month numeric) returns text language plpgsql as $$
begin
    if usd_per_month <> round(usd_per_month, 9) then
        raise exception 'a budget has at most nine decimals' using errcode = 'check_violation';
    end if;
    update api_key set nano_usd_per_month = (usd_per_month * 1000000000)::bigint where id = key_id;
    if not found then raise exception 'there is no key %', quote_literal(key_id) using errcode = 'no_data_found'; end if;
    return key_id || ' may spend ' || coalesce(usd_per_month::text || ' USD a month', 'what its plan allows');
end
$$;
