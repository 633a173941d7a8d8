-- revision: 2
-- An alias has a candidate and does not share its name with a model. Checked at COMMIT, for changes of aliases,
-- candidates and models.
create or replace function refuse_unservable_alias() returns trigger language plpgsql as $$
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
                      column = 'candidates', errcode = 'check_violation';
        end if;
        if exists (select from model where name = named) then
            raise exception 'alias % has the name of a model: a request could mean either', quote_literal(named)
                using column = 'name', errcode = 'check_violation';
        end if;
    end loop;
    return null;
end
$$;
