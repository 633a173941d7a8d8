-- Roles: who may do what. Nobody logs in as one of these; the control plane's login is a member and takes on the role it needs.
do $$
begin
    if not exists (select from pg_roles where rolname = 'gw_cp') then create role gw_cp nologin; end if;
    if not exists (select from pg_roles where rolname = 'gw_ingest') then create role gw_ingest nologin; end if;
    if not exists (select from pg_roles where rolname = 'gw_ro') then create role gw_ro nologin; end if;
exception
    -- Two migrations of different databases of one server may create them at once.
    when duplicate_object or unique_violation then null;
end
$$;
grant gw_cp, gw_ingest, gw_ro to current_user;
