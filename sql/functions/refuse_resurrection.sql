-- revision: 1
-- A revoked key stays revoked, and has the time of its revocation.
create or replace function refuse_resurrection() returns trigger language plpgsql as $$
begin
    if old.status = 'revoked' and new.status <> 'revoked' then
        raise exception 'key % is revoked and stays so', quote_literal(old.id)
            using hint = 'Create a new key.', errcode = 'check_violation';
    end if;
    if new.status = 'revoked' and new.revoked_at is null then new.revoked_at := now(); end if;
    return new;
end
$$;
