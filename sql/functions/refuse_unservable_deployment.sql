-- revision: 2
-- An enabled deployment serves a model that has a price, with a credential of its own provider. Checked at COMMIT.
create or replace function refuse_unservable_deployment() returns trigger language plpgsql as $$
begin
    if not exists (select from deployment d where d.id = new.id and d.enabled) then return null; end if;
    if not exists (select from price where model = new.model) then
        raise exception 'deployment % serves model %, which has no price', quote_literal(new.id), quote_literal(new.model)
            using hint = 'Insert a row into price first; a free model has prices of 0.', column = 'model', errcode = 'check_violation';
    end if;
    if new.credential_id is not null
        and (select provider_id from credential where id = new.credential_id) is distinct from new.provider_id then
        raise exception 'deployment % uses a credential of another provider', quote_literal(new.id)
            using column = 'credential_id', errcode = 'check_violation';
    end if;
    return null;
end
$$;
