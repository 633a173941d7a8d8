-- What a vendor bills once the connection of a running answer is closed. The hold of a stream may grow only where closing ends
-- the bill; everywhere else all that the answer can cost is held. So `stops` is a claim about money, and names who says so.
alter table deployment
    add column after_close text not null default 'runs_on'
        constraint "after_close is stops or runs_on" check (after_close in ('stops', 'runs_on')),
    -- Who says that billing stops: an address and a date.
    add column after_close_source text,
    add constraint "after_close stops only with a source in after_close_source"
        check (after_close = 'runs_on' or length(btrim(coalesce(after_close_source, ''))) > 0);

-- Output tokens the model produces in a second at most, thinking included: bounds what was produced and never passed.
alter table model add column tokens_per_second_max bigint not null default 1000
    constraint "tokens_per_second_max is 1 to 1,000,000" check (tokens_per_second_max between 1 and 1000000);
