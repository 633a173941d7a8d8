-- The ledger names the life of a shard with what it acknowledges.
grant select on shard_epoch to gw_ingest;
