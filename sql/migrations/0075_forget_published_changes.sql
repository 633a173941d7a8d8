-- runs with: 0070
-- What was published long ago is needed by nobody: the control plane takes it out. A change that waits stays.
grant delete on config_change to gw_cp;
create function keep_waiting_change() returns trigger language plpgsql as $$
begin
    if old.published_at is null then
        raise exception 'a change that is not published yet stays';
    end if;
    return old;
end $$;
create trigger config_change_waits before delete on config_change for each row execute function keep_waiting_change();
