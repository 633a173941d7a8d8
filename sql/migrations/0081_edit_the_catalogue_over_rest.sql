-- runs with: 0070
-- Plans and the catalogue get versions, so that two operators who edit a row at once learn of each other, and models and aliases can be
-- retired, as providers and deployments can be disabled. A control plane of an older release serves what is retired until it is gone.
alter table provider add column version bigint not null default nextval('record_version');
alter table credential add column version bigint not null default nextval('record_version');
alter table model add column version bigint not null default nextval('record_version'),
    add column enabled boolean not null default true, alter column kind set default 'chat';
alter table deployment add column version bigint not null default nextval('record_version');
alter table alias add column version bigint not null default nextval('record_version'), add column enabled boolean not null default true;
alter table plan add column version bigint not null default nextval('record_version');

create trigger provider_version before update on provider for each row execute function raise_record_version();
create trigger credential_version before update on credential for each row execute function raise_record_version();
create trigger model_version before update on model for each row execute function raise_record_version();
create trigger deployment_version before update on deployment for each row execute function raise_record_version();
create trigger alias_version before update on alias for each row execute function raise_record_version();
create trigger plan_version before update on plan for each row execute function raise_record_version();

-- A candidate is part of its alias. An alias that this transaction has written already has a new version.
create function raise_alias_version() returns trigger language plpgsql as $$
begin
    update alias set version = version
    where name in (to_jsonb(old) ->> 'alias', to_jsonb(new) ->> 'alias') and alias.xmin <> pg_current_xact_id()::xid;
    return null;
end
$$;
create trigger alias_candidate_version after insert or update or delete on alias_candidate
    for each row execute function raise_alias_version();

-- A price that began in the past would claim to have been in force when requests were charged at another.
create function refuse_past_price() returns trigger language plpgsql as $$
begin
    if new.effective_from < now() then
        raise exception 'a price of model % from % would begin in the past', quote_literal(new.model),
            to_char(new.effective_from at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            using hint = 'Leave effective_from out to begin now, or name a later instant.', column = 'effective_from',
                  errcode = 'check_violation';
    end if;
    return new;
end
$$;
create trigger price_begins_now_or_later before insert on price for each row execute function refuse_past_price();

-- Rules whose names were made by PostgreSQL, or cut at 63 characters, say what they ask for.
alter table provider rename constraint "a base URL is http(s)://host/path without user, query or traili" to "a base URL is http(s)://host/path, no user, query or last slash";
alter table credential rename constraint credential_provider_id_fkey to "a credential belongs to a provider that exists";
alter table model rename constraint model_context_window_check to "a model's context window is 1 token or more";
alter table model rename constraint model_max_output_tokens_check to "max_output_tokens is 1 or more";
alter table model rename constraint model_first_event_ms_check to "first_event_ms is 1 to 3,600,000";
alter table model rename constraint model_idle_ms_check to "idle_ms is 1 to 3,600,000";
alter table price rename constraint price_model_fkey to "a price is of a model that exists";
alter table deployment rename constraint deployment_upstream_model_check to "upstream_model has 1 to 256 characters";
alter table deployment rename constraint deployment_model_fkey to "a deployment serves a model that exists";
alter table deployment rename constraint deployment_provider_id_fkey to "a deployment is at a provider that exists";
alter table deployment rename constraint deployment_credential_id_fkey to "a deployment uses a credential that exists";
alter table alias_candidate rename constraint alias_candidate_model_fkey to "a candidate is a model that exists";
