-- revision: 1
-- Refuses a row of the ledger that no sum by minute, hour and day has: the text of take_usage_in from before migration
-- 0090 writes such rows. It is an error after which the ledger tries again, with the text of this release.
create or replace function refuse_unrolled_usage() returns trigger language plpgsql as $$
begin
    raise exception 'usage is ingested again once the functions of this release are replayed' using errcode = 'serialization_failure';
end $$;
