-- Rules that span rows, checked at COMMIT, in words an operator in psql can act on.
create function refuse_unservable_alias() returns trigger language plpgsql as $$
declare
    named text;
begin
    -- Both names when a row moved from one alias to another.
    foreach named in array array[
        to_jsonb(old) ->> case tg_table_name when 'alias_candidate' then 'alias' else 'name' end,
        to_jsonb(new) ->> case tg_table_name when 'alias_candidate' then 'alias' else 'name' end] loop
        continue when not exists (select from alias where name = named);
        if not exists (select from alias_candidate where alias = named) then
            raise exception 'alias % has no candidate model', quote_literal(named)
                using hint = 'Insert at least one row into alias_candidate in the same transaction, or delete the alias.',
                      errcode = 'check_violation';
        end if;
        if exists (select from model where name = named) then
            raise exception 'alias % has the name of a model: a request could mean either', quote_literal(named)
                using errcode = 'check_violation';
        end if;
    end loop;
    return null;
end
$$;
create constraint trigger alias_can_be_served after insert or update on alias
    deferrable initially deferred for each row execute function refuse_unservable_alias();
create constraint trigger alias_keeps_a_candidate after insert or update or delete on alias_candidate
    deferrable initially deferred for each row execute function refuse_unservable_alias();
create constraint trigger model_is_no_alias after insert or update of name on model
    deferrable initially deferred for each row execute function refuse_unservable_alias();

create function refuse_unservable_deployment() returns trigger language plpgsql as $$
begin
    if not exists (select from deployment d where d.id = new.id and d.enabled) then return null; end if;
    if not exists (select from price where model = new.model) then
        raise exception 'deployment % serves model %, which has no price', quote_literal(new.id), quote_literal(new.model)
            using hint = 'Insert a row into price first; a free model has prices of 0.', errcode = 'check_violation';
    end if;
    if new.credential_id is not null
        and (select provider_id from credential where id = new.credential_id) is distinct from new.provider_id then
        raise exception 'deployment % uses a credential of another provider', quote_literal(new.id)
            using errcode = 'check_violation';
    end if;
    return null;
end
$$;
create constraint trigger deployment_can_be_served after insert or update on deployment
    deferrable initially deferred for each row execute function refuse_unservable_deployment();

create function refuse_unpriced_model() returns trigger language plpgsql as $$
begin
    if exists (select from deployment where model = old.model and enabled)
        and not exists (select from price where model = old.model) then
        raise exception 'model % is served and would be left without a price', quote_literal(old.model)
            using errcode = 'check_violation';
    end if;
    return null;
end
$$;
create constraint trigger price_stays_while_served after update or delete on price
    deferrable initially deferred for each row execute function refuse_unpriced_model();

create function refuse_bad_allow_list() returns trigger language plpgsql as $$
declare
    unknown text;
begin
    select allowed.name into unknown from unnest(new.allowed_models) as allowed (name)
    where not exists (select from model where model.name = allowed.name)
        and not exists (select from alias where alias.name = allowed.name)
    limit 1;
    if unknown is not null then
        raise exception 'key % allows %, which is neither a model nor an alias', quote_literal(new.id), quote_literal(unknown)
            using errcode = 'check_violation';
    end if;
    return null;
end
$$;
create constraint trigger key_allows_what_exists after insert or update of allowed_models on api_key
    deferrable initially deferred for each row when (new.allowed_models is not null) execute function refuse_bad_allow_list();
