-- A request whose first attempt stayed silent is charged for that attempt by its bound, too, at a price of its own. Its row has the
-- usage of both and one price, so that it cannot be computed again: it is bounded, and says that it took more than one attempt.
create or replace view charges_that_differ as
    select u.day, u.id, u.kind, u.key_id, u.org_id, u.model, u.price_id, usd(u.nano_usd) as charged,
        usd(r.nano_usd) as recomputed, u.usage_source, u.raw_usage
    from usage_event u cross join lateral (select recomputed_nano_usd(u) as nano_usd) r
    where r.nano_usd is distinct from u.nano_usd and not (u.usage_source = 'bounded' and u.attempts > 1);
