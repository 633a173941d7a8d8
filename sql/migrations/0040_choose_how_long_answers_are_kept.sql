-- How long answers are kept in the cache and given again to identical requests, in seconds. 0: none is kept or read. Null: not
-- said here; the shorter of what key and name say counts, and the worker's own setting where neither says.
alter table api_key add column cache_seconds integer
    constraint "answers to a key's requests are kept for 0 to 86,400 seconds" check (cache_seconds between 0 and 86400);
alter table alias add column cache_seconds integer
    constraint "answers to an alias are kept for 0 to 86,400 seconds" check (cache_seconds between 0 and 86400);
alter table model add column cache_seconds integer
    constraint "answers to a model's name are kept for 0 to 86,400 seconds" check (cache_seconds between 0 and 86400);
