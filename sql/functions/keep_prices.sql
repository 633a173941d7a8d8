-- revision: 1
-- Charges refer to a price forever: once in force it stays as it is. Its tiers and images come in the transaction
-- it was inserted in.
create or replace function refuse_rewriting_price(price_id bigint, model text, effective_from timestamptz, loaded_at timestamptz)
returns void language plpgsql as $$
begin
    if effective_from <= now() and loaded_at < now() then
        raise exception 'price % of model % is or was in force, and charges refer to it', price_id, quote_literal(model)
            using hint = 'Insert a new row into price, with its tiers and images: it holds from its effective_from on.',
                  errcode = 'check_violation';
    end if;
end
$$;

-- A price that is or was in force is neither changed nor deleted.
create or replace function keep_price() returns trigger language plpgsql as $$
begin
    perform refuse_rewriting_price(old.id, old.model, old.effective_from, old.loaded_at);
    return null;
end
$$;

-- Nor are its tiers and images; a price has at most 8 tiers.
create or replace function keep_price_part() returns trigger language plpgsql as $$
declare
    whole price;
begin
    for whole in select * from price
        where id in ((to_jsonb(old) ->> 'price_id')::bigint, (to_jsonb(new) ->> 'price_id')::bigint) loop
        perform refuse_rewriting_price(whole.id, whole.model, whole.effective_from, whole.loaded_at);
        if (select count(*) from price_tier where price_id = whole.id) > 8 then
            raise exception 'price % of model % has more than 8 tiers', whole.id, quote_literal(whole.model)
                using errcode = 'check_violation';
        end if;
    end loop;
    return null;
end
$$;
