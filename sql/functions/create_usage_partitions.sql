-- revision: 1
-- Makes the ledger's partitions of this month (UTC) and of the given number of months after it, where they are
-- missing. It runs with its owner's rights, since roles of the gateway may not create tables.
create or replace function create_usage_partitions(months integer) returns void language plpgsql security definer
    set search_path = public, pg_temp as $$
declare
    first date;
begin
    for i in 0..months loop
        first := (date_trunc('month', now() at time zone 'utc') + make_interval(months => i))::date;
        execute format(
            'create table if not exists usage_event_%s partition of usage_event for values from (%L) to (%L)',
            to_char(first, 'YYYY_MM'), first, (first + interval '1 month')::date);
    end loop;
end
$$;
revoke execute on function create_usage_partitions(integer) from public;
grant execute on function create_usage_partitions(integer) to gw_cp, gw_ingest;
