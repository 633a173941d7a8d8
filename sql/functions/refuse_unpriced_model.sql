-- revision: 1
-- A model that an enabled deployment serves keeps a price. Checked at COMMIT.
create or replace function refuse_unpriced_model() returns trigger language plpgsql as $$
begin
    if exists (select from deployment where model = old.model and enabled)
        and not exists (select from price where model = old.model) then
        raise exception 'model % is served and would be left without a price', quote_literal(old.model)
            using errcode = 'check_violation';
    end if;
    return null;
end
$$;
