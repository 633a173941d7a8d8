-- revision: 1
-- Revokes a key forever.
create or replace function revoke_key(key_id text) returns text language plpgsql as $$
begin
    update api_key set status = 'revoked', revoked_at = now() where id = key_id and status <> 'revoked';
    if not found and not exists (select from api_key where id = key_id) then
        raise exception 'there is no key %', quote_literal(key_id) using errcode = 'no_data_found';
    end if;
    return key_id || ' is revoked';
end
$$;

-- The key works until the given time: until now when no time is given, without an end for null.
create or replace function expire_key(key_id text, at timestamptz default now()) returns text language plpgsql as $$
begin
    update api_key set expires_at = at where id = key_id;
    if not found then raise exception 'there is no key %', quote_literal(key_id) using errcode = 'no_data_found'; end if;
    return key_id || coalesce(' expires at ' || at, ' does not expire');
end
$$;

-- The secrets from before a rotation stop working at once.
create or replace function end_overlap(key_id text) returns text language plpgsql as $$
begin
    update retired_digest r set valid_until = now() where r.key_id = end_overlap.key_id and valid_until > now();
    if not found and not exists (select from api_key where id = end_overlap.key_id) then
        raise exception 'there is no key %', quote_literal(key_id) using errcode = 'no_data_found';
    end if;
    return key_id || ' works with its newest secret alone';
end
$$;
