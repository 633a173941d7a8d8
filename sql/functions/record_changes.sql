-- revision: 1
-- A changed key has to be published.
create or replace function record_key_change() returns trigger language plpgsql as $$
begin
    perform ring_config_change('key', new.id);
    return null;
end
$$;

-- A changed org has to be published: all its keys are.
create or replace function record_org_change() returns trigger language plpgsql as $$
begin
    perform ring_config_change('org', new.id);
    return null;
end
$$;

-- The limits of a plan are part of the records of its orgs' keys: they all change with it.
create or replace function record_plan_change() returns trigger language plpgsql as $$
begin
    update org set plan = new.name where plan = new.name;
    return null;
end
$$;

-- A change of the catalogue makes a new snapshot. One row is recorded per statement.
create or replace function record_catalogue_change() returns trigger language plpgsql as $$
begin
    perform ring_config_change('catalogue', tg_table_name);
    return null;
end
$$;
