-- Every change of configuration leaves a row and rings a bell, whoever made it: API, loader or psql.
-- The publisher takes rows that are not published yet, never "id greater than the last": a transaction that commits late
-- would be skipped.
create table config_change (
    id bigint generated always as identity primary key,
    -- key: one key's record; org: the records of all its keys; catalogue: the snapshot.
    subject text not null check (subject in ('key', 'org', 'catalogue')),
    subject_id text not null,
    changed_at timestamptz not null default clock_timestamp(),
    published_at timestamptz
);
create index config_change_pending on config_change (id) where published_at is null;

create sequence snapshot_version;

create function ring_config_change(subject text, subject_id text) returns void language sql security definer as $$
    insert into config_change (subject, subject_id) values (subject, subject_id);
    select pg_notify('config_change', '');
$$;

create function raise_record_version() returns trigger language plpgsql as $$
begin
    new.version := nextval('record_version');
    return new;
end
$$;
create trigger api_key_version before update on api_key for each row execute function raise_record_version();
create trigger org_version before update on org for each row execute function raise_record_version();

create function record_key_change() returns trigger language plpgsql as $$
begin
    perform ring_config_change('key', new.id);
    return null;
end
$$;
create trigger api_key_change after insert or update on api_key for each row execute function record_key_change();

create function record_org_change() returns trigger language plpgsql as $$
begin
    perform ring_config_change('org', new.id);
    return null;
end
$$;
create trigger org_change after update on org for each row execute function record_org_change();

-- A plan is part of what its orgs may do: they all change with it.
create function record_plan_change() returns trigger language plpgsql as $$
begin
    update org set plan = new.name where plan = new.name;
    return null;
end
$$;
create trigger plan_change after update on plan for each row execute function record_plan_change();

create function record_catalogue_change() returns trigger language plpgsql as $$
begin
    perform ring_config_change('catalogue', tg_table_name);
    return null;
end
$$;
create trigger provider_change after insert or update or delete on provider for each statement execute function record_catalogue_change();
create trigger credential_change after insert or update or delete on credential for each statement execute function record_catalogue_change();
create trigger model_change after insert or update or delete on model for each statement execute function record_catalogue_change();
create trigger price_change after insert or update or delete on price for each statement execute function record_catalogue_change();
create trigger deployment_change after insert or update or delete on deployment for each statement execute function record_catalogue_change();
create trigger alias_change after insert or update or delete on alias for each statement execute function record_catalogue_change();
create trigger alias_candidate_change after insert or update or delete on alias_candidate for each statement execute function record_catalogue_change();

-- Keys and orgs are closed, not deleted: the ledger refers to them for ever.
create function refuse_delete() returns trigger language plpgsql as $$
begin
    raise exception '% rows are never deleted', tg_table_name
        using hint = 'Revoke the key or suspend the org instead.', errcode = 'check_violation';
end
$$;
create trigger api_key_stays before delete on api_key for each row execute function refuse_delete();
create trigger org_stays before delete on org for each row execute function refuse_delete();

create function refuse_resurrection() returns trigger language plpgsql as $$
begin
    if old.status = 'revoked' and new.status <> 'revoked' then
        raise exception 'key % is revoked and stays so', quote_literal(old.id)
            using hint = 'Create a new key.', errcode = 'check_violation';
    end if;
    if new.status = 'revoked' and new.revoked_at is null then new.revoked_at := now(); end if;
    return new;
end
$$;
create trigger api_key_revocation before update on api_key for each row execute function refuse_resurrection();
