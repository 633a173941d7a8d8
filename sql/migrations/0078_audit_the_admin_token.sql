-- runs with: 0070
-- A new admin token leaves a row in the audit log. The token is nowhere in the database, and its digest, as that of keys, not in the row.
-- There is one admin token, and so its row is known by the table's name. Nor does a dead letter's event get there (0079): it may be anything, and is
-- in the letter.
create or replace function write_audit() returns trigger language plpgsql security definer
    set search_path = public, pg_temp as $$
declare
    before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - 'digest' - 'sealed' - 'event' end;
    after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - 'digest' - 'sealed' - 'event' end;
    row jsonb := coalesce(after, before);
begin
    insert into public.audit_log (actor, login, action, subject, subject_id, before, after)
    values (
        coalesce(nullif(current_setting('aihub.actor', true), ''), session_user), session_user, lower(tg_op), tg_table_name,
        coalesce(row ->> 'id', row ->> 'name', row ->> 'alias', row ->> 'key_id', tg_table_name), before, after);
    return null;
end
$$;

create trigger admin_token_audit after insert or update or delete on admin_token for each row execute function write_audit();
