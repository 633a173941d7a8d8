-- Images, image input and what a provider's cache keeps for an hour are counted; events without them have none.
alter table usage_event
    add column image_input_tokens bigint not null default 0,
    add column cache_write_hour_tokens bigint not null default 0,
    -- Images charged one by one, and at which of the price's rows of price_image: counted from 0, in the order of their places.
    add column images bigint not null default 0,
    add column image_place integer not null default 0;
