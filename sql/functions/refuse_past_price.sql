-- revision: 1
-- A price begins now or later: one that began in the past would claim to have been in force when requests were charged
-- at another.
create or replace function refuse_past_price() returns trigger language plpgsql as $$
begin
    if new.effective_from < now() then
        raise exception 'a price of model % from % would begin in the past', quote_literal(new.model),
            to_char(new.effective_from at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            using hint = 'Leave effective_from out to begin now, or name a later instant.', column = 'effective_from',
                  errcode = 'check_violation';
    end if;
    return new;
end
$$;
