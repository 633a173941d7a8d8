-- revision: 1
-- Adds the next requests from before migration 0090, at most as many as asked, to the sums by minute, hour and day. A call
-- does all of that or nothing, so it may be interrupted, and two at once take turns. Ingestion may correct a request
-- meanwhile, before or after it is added here: either way the sums end at its final row. Returns whether all are in.
create or replace function backfill_usage(requests integer) returns boolean language plpgsql as $$
declare
    reached usage_backfill;
    added usage_event[];
begin
    perform lock_ledger();
    select * into reached from usage_backfill;
    if reached.done_at is not null then
        return true;
    end if;
    -- Only a request's old rows, as if ingestion had added them. A final row comes before a reaped one, which it replaces.
    select array_agg(old.e) into added from (
        select distinct on (e.day, e.id) e from (
            select e from usage_event e
            where e.day >= reached.day and (e.day, e.id) > (reached.day, reached.id)
                and (e.day, e.id) <= (reached.last_day, reached.last_id) and e.charged_at is null
            order by e.day, e.id, e.kind limit backfill_usage.requests
        ) part, lateral (select (part.e).*) e order by e.day, e.id, e.kind
    ) old;
    if added is null then
        update usage_backfill set done_at = now();
        return true;
    end if;
    perform add_usage(added, '{}');
    update usage_backfill b set day = added[cardinality(added)].day, id = added[cardinality(added)].id,
        requests = b.requests + cardinality(added);
    return false;
end
$$;
