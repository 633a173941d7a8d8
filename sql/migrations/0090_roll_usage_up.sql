-- runs with: 0070
-- Usage by minute, hour and day, written in the transaction that writes `spend`, and one row per request. Older programs call
-- take_usage_in, whose newest text writes all of it.

-- The instant whose minute, hour and day a request is charged to: of a request with a reaped and a final row, the admission of
-- the row that came first. Null in rows from before this migration.
alter table usage_event add column charged_at timestamptz;

-- A row without it would be in `spend` but in no sum by minute, hour or day. Only the text of take_usage_in before this migration
-- writes such rows. The error is one after which the ledger tries again, so usage waits for the new text.
create function refuse_unrolled_usage() returns trigger language plpgsql as $$
begin
    raise exception 'usage is ingested again once the functions of this release are replayed' using errcode = 'serialization_failure';
end $$;
create trigger usage_event_is_rolled_up before insert on usage_event for each row
    when (new.charged_at is null) execute function refuse_unrolled_usage();

-- Each request is in three rows of sums: of its minute, its hour and its day.
create table usage_sum (
    unit text not null,
    -- When the minute, hour or day begins, UTC.
    bucket timestamptz not null,
    org_id text not null,
    key_id text not null,
    model text not null,
    deployment text not null,
    -- The model or alias that the client named.
    requested text not null,
    outcome text not null,
    -- The first digit of the HTTP status; 0 when none was sent.
    status_class smallint not null,
    -- Answered from the response cache.
    cached boolean not null,
    requests bigint not null,
    -- Without those whose request unit was refunded, as in `spend`.
    counted_requests bigint not null,
    input_tokens bigint not null,
    cache_read_tokens bigint not null,
    cache_write_tokens bigint not null,
    cache_write_hour_tokens bigint not null,
    image_input_tokens bigint not null,
    output_tokens bigint not null,
    reasoning_tokens bigint not null,
    images bigint not null,
    nano_usd bigint not null,
    saved_nano_usd bigint not null,
    duration_ms bigint not null,
    -- Requests whose client was sent a first byte, and the time until then, of all of them together.
    first_bytes bigint not null,
    first_byte_ms bigint not null,
    primary key (unit, bucket, org_id, key_id, model, deployment, requested, outcome, status_class, cached)
) partition by list (unit);
create table usage_minute partition of usage_sum for values in ('minute') with (fillfactor = 70);
create table usage_hour partition of usage_sum for values in ('hour') with (fillfactor = 70);
create table usage_day partition of usage_sum for values in ('day') with (fillfactor = 70);

-- How long requests took that were not answered from the response cache.
create table usage_latency (
    unit text not null check (unit in ('minute', 'hour', 'day')),
    bucket timestamptz not null,
    org_id text not null,
    model text not null,
    deployment text not null,
    -- Requests below this many milliseconds, and not below half of it. The last is for all that took longer.
    below_ms bigint not null,
    durations bigint not null,
    first_bytes bigint not null,
    primary key (unit, bucket, org_id, model, deployment, below_ms)
);

comment on table usage_sum is 'Usage by minute, hour and day: sums of usage_request.';
comment on table usage_minute is 'Usage by minute of the last 48 hours.';
comment on table usage_hour is 'Usage by hour.';
comment on table usage_day is 'Usage by UTC day.';
comment on table usage_latency is
    'How many requests took how long, by minute (of the last 48 hours), hour and day, in powers of two; cached responses left out.';

grant select on usage_sum, usage_minute, usage_hour, usage_day, usage_latency to gw_cp, gw_ro;
grant select, insert, update on usage_sum, usage_latency to gw_ingest;
grant select, delete on usage_minute to gw_ingest;
grant delete on usage_latency to gw_ingest;

-- How far the rows from before this migration are in usage_hour and usage_day. None is added to them: the trigger refuses it.
create table usage_backfill (
    singleton boolean primary key default true check (singleton),
    -- The last request that was added.
    day date not null,
    id uuid not null,
    -- The last that has to be.
    last_day date not null,
    last_id uuid not null,
    requests bigint not null default 0,
    done_at timestamptz
);
insert into usage_backfill (day, id, last_day, last_id, done_at)
select '-infinity', '00000000-0000-0000-0000-000000000000', coalesce(e.day, '-infinity'),
    coalesce(e.id, '00000000-0000-0000-0000-000000000000'), case when e.id is null then now() end
from (select) as always left join lateral (select day, id from usage_event order by day desc, id desc limit 1) e on true;
comment on table usage_backfill is
    'How far usage from before the sums by hour and day is in them. done_at: all of it. See backfill_usage.';
grant select on usage_backfill to gw_cp, gw_ro;
grant select, update on usage_backfill to gw_ingest;
