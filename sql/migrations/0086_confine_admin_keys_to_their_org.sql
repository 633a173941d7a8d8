-- runs with: 0070
-- A second lock beside the conditions in the admin API's statements. For an admin key of an org the control plane takes the role gw_org for the
-- transaction and names the org in aihub.org; the role then sees that org's rows and no others, and without a name none at all.
do $$
begin
    if not exists (select from pg_roles where rolname = 'gw_org') then create role gw_org nologin; end if;
exception
    -- Two migrations of different databases of one server may create it at once.
    when duplicate_object or unique_violation then null;
end
$$;
-- Whoever may become gw_cp may become gw_org, so that logins need no further grant.
grant gw_org to gw_cp;

grant usage on schema public to gw_org;
grant select on plan, org, api_key, retired_digest, admin_key, model, alias to gw_org;
grant update on org to gw_org;
grant insert, update on api_key, retired_digest to gw_org;
grant insert on key_pepper, admin_key to gw_org;
grant update (last_used_at, revoked_at) on admin_key to gw_org;
grant usage on sequence record_version to gw_org;
grant execute on function ring_config_change(text, text) to gw_org;

-- Also for the owner of the tables, who sees every row only as a member of gw_cp (or as superuser).
do $$
declare
    confined record;
begin
    for confined in select * from (values ('org', 'id'), ('api_key', 'org_id'), ('admin_key', 'org_id')) as t (name, org) loop
        execute format('alter table %I enable row level security', confined.name);
        execute format('alter table %I force row level security', confined.name);
        execute format(
            'create policy %I on %I to gw_cp, gw_ingest, gw_ro using (true) with check (true)',
            'the control plane and its readers see every org', confined.name);
        execute format(
            $policy$create policy %I on %I to gw_org using (%I = current_setting('aihub.org', true))$policy$,
            'what is done for an org sees that org', confined.name, confined.org);
    end loop;
end
$$;
