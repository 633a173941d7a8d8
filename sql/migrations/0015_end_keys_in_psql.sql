-- What an operator needs in psql to end what a key or an org may do, and to see it.
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
        k.outage_policy, overlap_ends_at(k) as overlap_ends_at
    from api_key k join org o on o.id = k.org_id
    left join lateral (
        select sum(nano_usd) as nano_usd, sum(requests) as requests from spend s
        where s.key_id = k.id and s.day >= date_trunc('month', now() at time zone 'utc')::date
    ) m on true;

-- All keys of the org stop working until it is resumed.
create function suspend_org(org_id text) returns text language plpgsql as $$
begin
    update org set status = 'suspended' where id = org_id;
    if not found then raise exception 'there is no org %', quote_literal(org_id) using errcode = 'no_data_found'; end if;
    return org_id || ' is suspended';
end
$$;

create function resume_org(org_id text) returns text language plpgsql as $$
begin
    update org set status = 'active' where id = org_id;
    if not found then raise exception 'there is no org %', quote_literal(org_id) using errcode = 'no_data_found'; end if;
    return org_id || ' is active';
end
$$;

-- The key works until then; at once when nothing is said, without an end for null.
create function expire_key(key_id text, at timestamptz default now()) returns text language plpgsql as $$
begin
    update api_key set expires_at = at where id = key_id;
    if not found then raise exception 'there is no key %', quote_literal(key_id) using errcode = 'no_data_found'; end if;
    return key_id || coalesce(' expires at ' || at, ' does not expire');
end
$$;

-- The secrets from before a rotation stop working at once.
create function end_overlap(key_id text) returns text language plpgsql as $$
begin
    update retired_digest r set valid_until = now() where r.key_id = end_overlap.key_id and valid_until > now();
    if not found and not exists (select from api_key where id = end_overlap.key_id) then
        raise exception 'there is no key %', quote_literal(key_id) using errcode = 'no_data_found';
    end if;
    return key_id || ' works with its newest secret alone';
end
$$;
