-- revision: 1
-- The power of two that this many milliseconds are below, from 1 to 2^23, for usage_latency.
create or replace function latency_class(ms bigint) returns bigint language sql immutable as $$
    select 1::bigint << width_bucket(ms, '{1,2,4,8,16,32,64,128,256,512,1024,2048,4096,8192,16384,32768,65536,131072,262144,524288,1048576,2097152,4194304}'::bigint[])
$$;
