-- revision: 1
-- What a row of the ledger costs by its stored usage and its price: the whole request at the tier that its input
-- falls into, rounded up once, never more than was held; nothing for a request whose unit was given back. Null when
-- the price is unknown.
create or replace function recomputed_nano_usd(charged usage_event) returns bigint language sql stable as $$
    select case when charged.given_back then 0 when p.id is not null then least(
        ceil((charged.input_tokens::numeric * coalesce(t.input, p.input)
            + charged.image_input_tokens::numeric * coalesce(t.image_input, t.input, p.image_input, p.input)
            + charged.cache_read_tokens::numeric * coalesce(t.cache_read, p.cache_read)
            + charged.cache_write_tokens::numeric * coalesce(t.cache_write, p.cache_write)
            + charged.cache_write_hour_tokens::numeric * coalesce(t.cache_write_hour, t.cache_write, p.cache_write_hour, p.cache_write)
            + charged.output_tokens::numeric * coalesce(t.output, p.output)
            + charged.reasoning_tokens::numeric * coalesce(t.reasoning, p.reasoning)) / 1000000)
        + charged.images::numeric * coalesce(
            (select nano_usd from price_image where price_id = p.id order by place offset charged.image_place limit 1),
            (select max(nano_usd) from price_image where price_id = p.id), 0),
        charged.held_nano_usd)::bigint end
    from (select charged.price_id as id) asked
    left join price p on p.id = asked.id
    left join lateral (
        select * from price_tier
        where price_tier.price_id = p.id and above_input_tokens < charged.input_tokens + charged.image_input_tokens
            + charged.cache_read_tokens + charged.cache_write_tokens + charged.cache_write_hour_tokens
        order by above_input_tokens desc limit 1
    ) t on true
$$;
