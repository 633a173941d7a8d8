-- revision: 1
-- Writes one row of the audit log for a changed row. The actor is the name that the API gives, else the login; the
-- login is recorded beside it. Left out are digests, sealed credentials and the events of dead letters, which may
-- hold anything. A retired digest is recorded under its key; a row without a name of its own, such as the admin
-- token, under the name of its table. It runs with its owner's rights: no other role may write the audit log.
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
revoke execute on function write_audit() from public;
