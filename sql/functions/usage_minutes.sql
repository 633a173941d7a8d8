-- revision: 1
-- Where usage by minute begins. It only rises, so a minute is never corrected after it was forgotten.
create or replace function usage_minutes_begin() returns timestamptz language sql stable as $$
    select date_trunc('minute', now(), 'UTC') - interval '48 hours'
$$;

-- Forgets the minutes before, at most this many rows of each table. Returns whether there may be more.
create or replace function forget_usage_minutes(rows integer) returns boolean language sql as $$
    with sums as (
        delete from usage_minute where ctid = any(array(
            -- With the unit, since the index begins with it.
            select ctid from usage_minute where unit = 'minute' and bucket < usage_minutes_begin() limit rows))
        returning 1
    ), latencies as (
        delete from usage_latency where ctid = any(array(
            select ctid from usage_latency where unit = 'minute' and bucket < usage_minutes_begin() limit rows))
        returning 1
    )
    select greatest((select count(*) from sums), (select count(*) from latencies)) >= rows
$$;
