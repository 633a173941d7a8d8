-- What an alias prefers among its candidates of one rank, and what it asks of them.
alter table alias
    -- Weights: only their proportions matter. All 0: the candidates' own weights decide.
    add column latency_weight real not null default 0,
    add column speed_weight real not null default 0,
    add column cost_weight real not null default 0,
    add column uptime_weight real not null default 0,
    add column needs_tools boolean not null default false,
    add column context_window_min bigint constraint "a context window is 1 token or more" check (context_window_min > 0),
    -- Nano-USD per million tokens, input and output each.
    add column price_max bigint constraint "a price limit is 0 or more" check (price_max >= 0),
    add constraint "an objective's weights are 0 to 1000" check (
        latency_weight between 0 and 1000 and speed_weight between 0 and 1000
        and cost_weight between 0 and 1000 and uptime_weight between 0 and 1000);
