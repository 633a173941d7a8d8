-- revision: 1
-- Sets a key's budget per calendar month (UTC) in USD; null removes it.
create or replace function set_budget(key_id text, usd_per_month numeric) returns text language plpgsql as $$
begin
    if usd_per_month <> round(usd_per_month, 9) then
        raise exception 'a budget has at most nine decimals' using errcode = 'check_violation';
    end if;
    update api_key set nano_usd_per_month = (usd_per_month * 1000000000)::bigint where id = key_id;
    if not found then raise exception 'there is no key %', quote_literal(key_id) using errcode = 'no_data_found'; end if;
    return key_id || ' may spend ' || coalesce(usd_per_month::text || ' USD a month', 'what its plan allows');
end
$$;
