-- runs with: 0072
-- Usage events that the ledger cannot take in, with the reason: the others go on, and nothing is lost. Read by people; an event that
-- is put right by hand is filed again with take_usage_in.
create table usage_left_out (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    shard integer not null,
    entry_id text not null,
    kind text not null,
    event text not null,
    reason text not null,
    unique (shard, entry_id)
);
grant select, insert on usage_left_out to gw_ingest;
grant usage on sequence usage_left_out_id_seq to gw_ingest;
grant select on usage_left_out to gw_cp, gw_ro;
