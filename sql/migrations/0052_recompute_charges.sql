-- What a row of the ledger costs by its stored usage and its price: the whole request at the tier its input falls into, rounded
-- up once, never more than was held; nothing for what gave its caller nothing. Null when the price is unknown.
create function recomputed_nano_usd(charged usage_event) returns bigint language sql stable as $$
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

-- Rows whose charge is not what their usage costs at their price: there should be none. Name a day or two, it reads them all.
create view charges_that_differ as
    select u.day, u.id, u.kind, u.key_id, u.org_id, u.model, u.price_id, usd(u.nano_usd) as charged,
        usd(r.nano_usd) as recomputed, u.usage_source, u.raw_usage
    from usage_event u cross join lateral (select recomputed_nano_usd(u) as nano_usd) r
    where r.nano_usd is distinct from u.nano_usd;
grant select on charges_that_differ to gw_cp, gw_ro;
