-- revision: 1
-- How the admin API writes money and time, and the day of an id.
create or replace function usd9(nano numeric) returns text language sql immutable as $$
    select (nano / 1000000000)::numeric(40, 9)::text
$$;

create or replace function rfc3339(at timestamptz) returns text language sql stable as $$
    select to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;

-- The UTC day of a UUIDv7, by which the ledger is parted.
create or replace function uuid_day(id uuid) returns date language sql immutable as $$
    select (to_timestamp(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0) at time zone 'utc')::date
$$;
