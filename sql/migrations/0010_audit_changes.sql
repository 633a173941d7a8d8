-- The audit log: who changed what, before and after, whoever it was. Rows are only ever added.
create table audit_log (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    -- Set by the API for its callers; a person in psql is known by the login.
    actor text not null,
    action text not null,
    subject text not null,
    subject_id text not null,
    before jsonb,
    after jsonb
);
create index audit_log_subject on audit_log (subject, subject_id, id);

create function write_audit() returns trigger language plpgsql security definer as $$
declare
    before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - 'digest' - 'sealed' end;
    after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - 'digest' - 'sealed' end;
    row jsonb := coalesce(after, before);
begin
    insert into audit_log (actor, action, subject, subject_id, before, after)
    values (
        coalesce(nullif(current_setting('aihub.actor', true), ''), session_user), lower(tg_op), tg_table_name,
        coalesce(row ->> 'id', row ->> 'name', row ->> 'alias'), before, after);
    return null;
end
$$;

do $$
declare
    audited text;
begin
    foreach audited in array array['plan', 'org', 'api_key', 'provider', 'credential', 'model', 'price', 'deployment',
                                   'alias', 'alias_candidate'] loop
        execute format(
            'create trigger %I after insert or update or delete on %I for each row execute function write_audit()',
            audited || '_audit', audited);
    end loop;
end
$$;

create function refuse_rewriting() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end
$$;
create trigger audit_log_is_append_only before update or delete on audit_log for each row execute function refuse_rewriting();
create trigger usage_event_is_append_only before update or delete on usage_event for each row execute function refuse_rewriting();
