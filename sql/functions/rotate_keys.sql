-- revision: 1
-- Until when a secret from before a rotation still works; null when none does.
create or replace function overlap_ends_at(key api_key) returns timestamptz language sql stable as $$
    select max(valid_until) from retired_digest where key.status = 'active' and key_id = key.id and valid_until > now()
$$;

-- A digest that is replaced is retired at once. For an overlap, its row is inserted before, with a later end.
create or replace function retire_digest() returns trigger language plpgsql as $$
begin
    insert into retired_digest (digest, key_id, valid_until) values (old.digest, old.id, now()) on conflict do nothing;
    return null;
end
$$;

-- A retired digest never becomes the digest of a key again.
create or replace function refuse_retired_digest() returns trigger language plpgsql as $$
begin
    if exists (select from retired_digest where digest = new.digest) then
        raise exception 'the digest of key % was retired and stays so', quote_literal(new.id)
            using hint = 'Rotate the key again through the admin API.', errcode = 'check_violation';
    end if;
    return new;
end
$$;

-- An overlap is only ever shortened, and its key then has to be published.
create or replace function record_overlap_change() returns trigger language plpgsql as $$
begin
    if new.valid_until > old.valid_until or (new.digest, new.key_id) <> (old.digest, old.key_id) then
        raise exception 'an overlap is only ever shortened' using errcode = 'check_violation';
    end if;
    update api_key set version = version where id = new.key_id;
    return new;
end
$$;
