-- Prices by the size of the input and by the image, in nano-USD like all others. Where image_input or cache_write_hour is null,
-- it costs as much as input or cache_write.
alter table price
    add column image_input bigint,
    add column cache_write_hour bigint,
    add column loaded_at timestamptz not null default now(),
    add constraint "prices of image input and hour-long cache are 0 or more" check (least(image_input, cache_write_hour) >= 0);

-- The prices of a whole request with more input tokens, of every kind together, than this.
create table price_tier (
    id bigint generated always as identity primary key,
    price_id bigint not null references price (id) on delete cascade,
    above_input_tokens bigint not null constraint "a tier begins above 0 input tokens" check (above_input_tokens > 0),
    input bigint not null,
    image_input bigint,
    cache_read bigint not null,
    cache_write bigint not null,
    cache_write_hour bigint,
    output bigint not null,
    reasoning bigint not null,
    constraint "prices of a tier are 0 or more"
        check (least(input, image_input, cache_read, cache_write, cache_write_hour, output, reasoning) >= 0),
    unique (price_id, above_input_tokens)
);

-- What an image costs whose provider reports no tokens for it. Null fits any quality or size. What a request does not name
-- takes the first that fits; what fits none costs as much as the dearest.
create table price_image (
    id bigint generated always as identity primary key,
    price_id bigint not null references price (id) on delete cascade,
    place integer not null constraint "an image's price has a place from 0 to 63" check (place between 0 and 63),
    quality text,
    size text,
    nano_usd bigint not null constraint "an image's price is 0 or more" check (nano_usd >= 0),
    unique (price_id, place)
);

create trigger price_tier_change after insert or update or delete on price_tier for each statement execute function record_catalogue_change();
create trigger price_image_change after insert or update or delete on price_image for each statement execute function record_catalogue_change();
create trigger price_tier_audit after insert or update or delete on price_tier for each row execute function write_audit();
create trigger price_image_audit after insert or update or delete on price_image for each row execute function write_audit();
grant select on price_tier, price_image to gw_cp, gw_ro;
grant insert, update, delete on price_tier, price_image to gw_cp;
grant usage on sequence price_tier_id_seq, price_image_id_seq to gw_cp;

-- Charges refer to a price for ever: once in force it stays as it is, and its parts come in the transaction it came in.
create function refuse_rewriting_price(price_id bigint, model text, effective_from timestamptz, loaded_at timestamptz)
returns void language plpgsql as $$
begin
    if effective_from <= now() and loaded_at < now() then
        raise exception 'price % of model % is or was in force, and charges refer to it', price_id, quote_literal(model)
            using hint = 'Insert a new row into price, with its tiers and images: it holds from its effective_from on.',
                  errcode = 'check_violation';
    end if;
end
$$;

create function keep_price() returns trigger language plpgsql as $$
begin
    perform refuse_rewriting_price(old.id, old.model, old.effective_from, old.loaded_at);
    return null;
end
$$;
create trigger price_in_force_stays after update or delete on price for each row execute function keep_price();

create function keep_price_part() returns trigger language plpgsql as $$
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
create trigger price_tier_in_force_stays after insert or update or delete on price_tier for each row execute function keep_price_part();
create trigger price_image_in_force_stays after insert or update or delete on price_image for each row execute function keep_price_part();

-- A price with all its parts as one value, so that two can be compared; insert_price takes the same.
create function price_sheet(of price) returns jsonb language sql stable as $$
    select jsonb_strip_nulls(jsonb_build_object(
        'input', of.input, 'image_input', coalesce(of.image_input, of.input), 'cache_read', of.cache_read,
        'cache_write', of.cache_write, 'cache_write_hour', coalesce(of.cache_write_hour, of.cache_write),
        'output', of.output, 'reasoning', of.reasoning,
        'tiers', coalesce((
            select jsonb_agg(jsonb_build_object(
                'above_input_tokens', t.above_input_tokens, 'input', t.input, 'image_input', coalesce(t.image_input, t.input),
                'cache_read', t.cache_read, 'cache_write', t.cache_write,
                'cache_write_hour', coalesce(t.cache_write_hour, t.cache_write),
                'output', t.output, 'reasoning', t.reasoning) order by t.above_input_tokens)
            from price_tier t where t.price_id = of.id), '[]'),
        'images', coalesce((
            select jsonb_agg(jsonb_build_object('quality', i.quality, 'size', i.size, 'nano_usd', i.nano_usd) order by i.place)
            from price_image i where i.price_id = of.id), '[]')))
$$;

create function insert_price(model text, effective_from timestamptz, sheet jsonb) returns bigint language plpgsql as $$
declare
    made bigint;
begin
    insert into price (model, effective_from, input, image_input, cache_read, cache_write, cache_write_hour, output, reasoning)
    select insert_price.model, insert_price.effective_from, s.input, s.image_input, s.cache_read, s.cache_write,
        s.cache_write_hour, s.output, s.reasoning
    from jsonb_populate_record(null::price, sheet) s
    returning id into made;
    insert into price_tier (price_id, above_input_tokens, input, image_input, cache_read, cache_write, cache_write_hour, output, reasoning)
    select made, t.above_input_tokens, t.input, t.image_input, t.cache_read, t.cache_write, t.cache_write_hour, t.output, t.reasoning
    from jsonb_populate_recordset(null::price_tier, coalesce(sheet -> 'tiers', '[]')) t;
    insert into price_image (price_id, place, quality, size, nano_usd)
    select made, i.place - 1, i.value ->> 'quality', i.value ->> 'size', (i.value ->> 'nano_usd')::bigint
    from jsonb_array_elements(coalesce(sheet -> 'images', '[]')) with ordinality i (value, place);
    return made;
end
$$;

-- The whole book for people: USD per million tokens and per image, newest first.
create view price_book as
    select p.model, p.id as price_id, p.effective_from,
        case when p.effective_from > now() then 'later'
             when p.effective_from = max(p.effective_from) filter (where p.effective_from <= now()) over (partition by p.model)
             then 'in force' else 'past' end as state,
        t.above_input_tokens, usd(coalesce(t.input, p.input)) as input,
        usd(coalesce(t.image_input, t.input, p.image_input, p.input)) as image_input,
        usd(coalesce(t.cache_read, p.cache_read)) as cache_read, usd(coalesce(t.cache_write, p.cache_write)) as cache_write,
        usd(coalesce(t.cache_write_hour, t.cache_write, p.cache_write_hour, p.cache_write)) as cache_write_hour,
        usd(coalesce(t.output, p.output)) as output, usd(coalesce(t.reasoning, p.reasoning)) as reasoning,
        (select string_agg(concat_ws(' ', i.quality, i.size, usd(i.nano_usd)), ', ' order by i.place)
         from price_image i where i.price_id = p.id) as per_image
    from price p
    left join lateral (
        select null::bigint as above_input_tokens, null::bigint as input, null::bigint as image_input, null::bigint as cache_read,
            null::bigint as cache_write, null::bigint as cache_write_hour, null::bigint as output, null::bigint as reasoning
        union all
        select above_input_tokens, input, image_input, cache_read, cache_write, cache_write_hour, output, reasoning
        from price_tier where price_id = p.id
    ) t on true
    order by p.model, p.effective_from desc, t.above_input_tokens nulls first;
grant select on price_book to gw_cp, gw_ro;
