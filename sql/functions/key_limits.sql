-- revision: 1
-- The names that a key may call: those of its own list that its plan has as well. Null means all.
create or replace function models_of(key api_key) returns text[] language sql stable as $$
    select case when p.models is null then key.allowed_models when key.allowed_models is null then p.models
        else array(select name from unnest(key.allowed_models) as name where name = any(p.models)) end
    from org o join plan p on p.name = o.plan where o.id = key.org_id
$$;

-- How many requests of a key run at once where neither its plan nor the key itself sets a limit.
create or replace function standard_concurrent_requests() returns bigint language sql immutable as $$ select 64::bigint $$;
