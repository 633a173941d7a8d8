-- runs with: 0070
-- Usage events that the ledger cannot take in, each with the reason, so that the others go on and nothing is lost. They are for people to
-- read: an event put right by hand is filed with take_usage_in.
create table usage_dead_letter (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    shard integer not null,
    entry_id text not null,
    kind text not null,
    event text not null,
    reason text not null
);
-- The same entry is read again after a failover; another one may have its id where Redis was wiped and its clock went back.
create unique index usage_dead_letter_once on usage_dead_letter (shard, entry_id, md5(event));
grant select, insert on usage_dead_letter to gw_ingest;
grant usage on sequence usage_dead_letter_id_seq to gw_ingest;
grant select on usage_dead_letter to gw_cp, gw_ro;
