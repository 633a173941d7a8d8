-- revision: 1
-- Transactions that add to the ledger and its sums take turns: the reader of the streams, a
-- retried dead letter, the backfill. Each statement after it sees what the one before committed.
create or replace function lock_ledger() returns void language sql as $$ select pg_advisory_xact_lock(7283910470) $$;
