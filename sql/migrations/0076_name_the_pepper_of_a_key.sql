-- runs with: 0070
-- Under which pepper a digest was made, so that nobody drops a pepper that keys still need. A digest that is not here was made by an
-- older release; what a pepper is called (version and fingerprint) says nothing of its bytes.
create table key_pepper (
    digest text primary key constraint "a digest with a pepper is 64 hexadecimal characters" check (digest ~ '^[0-9a-f]{64}$'),
    pepper text not null
);

-- What callers may still send, expired keys too: an expiry can be lifted.
create view keys_of_pepper as
    select coalesce(p.pepper, 'unknown') as pepper, count(*) as keys
    from (
        select digest from api_key where status = 'active'
        union all
        select r.digest from retired_digest r join api_key k on k.id = r.key_id where r.valid_until > now() and k.status = 'active'
    ) d left join key_pepper p using (digest)
    group by 1;

grant select, insert on key_pepper to gw_cp;
grant select on keys_of_pepper to gw_cp, gw_ro;
