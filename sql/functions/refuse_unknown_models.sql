-- revision: 2
-- The models that a key allows exist, as models or as aliases. Checked at COMMIT.
create or replace function refuse_bad_allow_list() returns trigger language plpgsql as $$
declare
    unknown text;
begin
    select allowed.name into unknown from unnest(new.allowed_models) as allowed (name)
    where not exists (select from model where model.name = allowed.name)
        and not exists (select from alias where alias.name = allowed.name)
    limit 1;
    if unknown is not null then
        raise exception 'key % allows %, which is neither a model nor an alias', quote_literal(new.id), quote_literal(unknown)
            using column = 'allowed_models', errcode = 'check_violation';
    end if;
    return null;
end
$$;

-- The models of a plan exist, as models or as aliases. Checked at COMMIT.
create or replace function refuse_bad_plan_models() returns trigger language plpgsql as $$
declare
    unknown text;
begin
    select allowed.name into unknown from unnest(new.models) as allowed (name)
    where not exists (select from model where model.name = allowed.name)
        and not exists (select from alias where alias.name = allowed.name)
    limit 1;
    if unknown is not null then
        raise exception 'plan % allows %, which is neither a model nor an alias', quote_literal(new.name), quote_literal(unknown)
            using hint = 'Load the model first (aihub-control load), or leave the name out.', column = 'models', errcode = 'check_violation';
    end if;
    return null;
end
$$;
