-- revision: 1
-- A price with all its parts as one value, so that two can be compared.
create or replace function price_sheet(of price) returns jsonb language sql stable as $$
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

-- Inserts a price from such a value. Returns its id.
create or replace function insert_price(model text, effective_from timestamptz, sheet jsonb) returns bigint language plpgsql as $$
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
