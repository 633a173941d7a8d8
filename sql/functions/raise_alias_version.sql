-- revision: 1
-- A candidate is part of its alias: changing it raises the alias's version. An alias that this transaction has written
-- already has a new one.
create or replace function raise_alias_version() returns trigger language plpgsql as $$
begin
    update alias set version = version
    where name in (to_jsonb(old) ->> 'alias', to_jsonb(new) ->> 'alias') and alias.xmin <> pg_current_xact_id()::xid;
    return null;
end
$$;
