-- Rotation: a new secret under the same key. The digest before it is kept with the instant it stops working at, because
-- workers must be told of it as of the new one: it has a record of its own in Redis.
create table retired_digest (
    digest text primary key constraint "a retired digest is 64 hexadecimal characters" check (digest ~ '^[0-9a-f]{64}$'),
    key_id text not null references api_key (id),
    valid_until timestamptz not null constraint "an overlap ends at an instant" check (isfinite(valid_until)),
    retired_at timestamptz not null default now(),
    constraint "an overlap lasts seven days at most" check (valid_until <= retired_at + interval '168 hours')
);
create index retired_digest_key on retired_digest (key_id);

-- Until when a secret from before a rotation still works; null when none does.
create function overlap_ends_at(key api_key) returns timestamptz language sql stable as $$
    select max(valid_until) from retired_digest where key.status = 'active' and key_id = key.id and valid_until > now()
$$;

-- Whoever replaces a digest retires the one before. Whoever wants an overlap inserts it with its end first.
create function retire_digest() returns trigger language plpgsql as $$
begin
    insert into retired_digest (digest, key_id, valid_until) values (old.digest, old.id, now()) on conflict do nothing;
    return null;
end
$$;
create trigger api_key_retires_digest after update of digest on api_key
    for each row when (old.digest <> new.digest) execute function retire_digest();

create function refuse_retired_digest() returns trigger language plpgsql as $$
begin
    if exists (select from retired_digest where digest = new.digest) then
        raise exception 'the digest of key % was retired and stays so', quote_literal(new.id)
            using hint = 'Rotate the key again through the admin API.', errcode = 'check_violation';
    end if;
    return new;
end
$$;
create trigger api_key_digest_is_new before insert on api_key for each row execute function refuse_retired_digest();
create trigger api_key_digest_stays_new before update of digest on api_key
    for each row when (old.digest <> new.digest) execute function refuse_retired_digest();

-- An overlap that ends earlier changes its key.
create function record_overlap_change() returns trigger language plpgsql as $$
begin
    if new.valid_until > old.valid_until or (new.digest, new.key_id) <> (old.digest, old.key_id) then
        raise exception 'an overlap is only ever shortened' using errcode = 'check_violation';
    end if;
    update api_key set version = version where id = new.key_id;
    return new;
end
$$;
create trigger retired_digest_change before update on retired_digest for each row execute function record_overlap_change();
create trigger retired_digest_stays before delete on retired_digest for each row execute function refuse_delete();

-- The same as before, and a retired digest is filed under its key.
create or replace function write_audit() returns trigger language plpgsql security definer as $$
declare
    before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - 'digest' - 'sealed' end;
    after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - 'digest' - 'sealed' end;
    row jsonb := coalesce(after, before);
begin
    insert into audit_log (actor, action, subject, subject_id, before, after)
    values (
        coalesce(nullif(current_setting('aihub.actor', true), ''), session_user), lower(tg_op), tg_table_name,
        coalesce(row ->> 'id', row ->> 'name', row ->> 'alias', row ->> 'key_id'), before, after);
    return null;
end
$$;
create trigger retired_digest_audit after insert or update or delete on retired_digest
    for each row execute function write_audit();

grant select on retired_digest to gw_cp, gw_ro;
grant insert, update on retired_digest to gw_cp;
