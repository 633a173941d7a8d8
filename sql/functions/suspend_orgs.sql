-- revision: 1
-- All keys of the org stop working until it is resumed.
create or replace function suspend_org(org_id text) returns text language plpgsql as $$
begin
    update org set status = 'suspended' where id = org_id;
    if not found then raise exception 'there is no org %', quote_literal(org_id) using errcode = 'no_data_found'; end if;
    return org_id || ' is suspended';
end
$$;

-- The keys of a suspended org work again.
create or replace function resume_org(org_id text) returns text language plpgsql as $$
begin
    update org set status = 'active' where id = org_id;
    if not found then raise exception 'there is no org %', quote_literal(org_id) using errcode = 'no_data_found'; end if;
    return org_id || ' is active';
end
$$;
