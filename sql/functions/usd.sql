-- revision: 1
-- Nano-USD as USD, for the views that operators read.
create or replace function usd(nano bigint) returns numeric language sql immutable as $$ select trim_scale(nano / 1000000000.0::numeric) $$;
