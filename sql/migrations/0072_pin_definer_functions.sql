-- runs with: 0070
-- Functions that run with their owner's rights name where they look for what they use, so that nobody puts a table of their own in
-- front of it; and only those who need one may call it. pg_catalog is searched first where it is not named; named first, it would also be
-- where tables are created.
alter function ring_config_change(text, text) set search_path = public, pg_temp;
alter function create_usage_partitions(integer) set search_path = public, pg_temp;
revoke execute on function ring_config_change(text, text), create_usage_partitions(integer) from public;
-- Triggers ring with the rights of who changed the row.
grant execute on function ring_config_change(text, text) to gw_cp;
grant execute on function create_usage_partitions(integer) to gw_cp, gw_ingest;

-- The API names its callers itself, and so can anybody in psql: the login stands beside that, and nobody chooses it.
alter table audit_log add column login text;
create or replace function write_audit() returns trigger language plpgsql security definer
    set search_path = public, pg_temp as $$
declare
    before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - 'digest' - 'sealed' end;
    after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - 'digest' - 'sealed' end;
    row jsonb := coalesce(after, before);
begin
    insert into public.audit_log (actor, login, action, subject, subject_id, before, after)
    values (
        coalesce(nullif(current_setting('aihub.actor', true), ''), session_user), session_user, lower(tg_op), tg_table_name,
        coalesce(row ->> 'id', row ->> 'name', row ->> 'alias', row ->> 'key_id'), before, after);
    return null;
end
$$;
revoke execute on function write_audit() from public;

-- A temporary table would be looked up before one of the same name.
do $$
begin
    execute format('revoke temporary on database %I from public', current_database());
end
$$;
