-- revision: 1
-- Records a change that has to be published, and notifies the publisher. It runs with its owner's rights, since the
-- triggers that call it run with those of the role that changed the row, which may not write config_change.
create or replace function ring_config_change(subject text, subject_id text) returns void language sql security definer
    set search_path = public, pg_temp as $$
    insert into config_change (subject, subject_id) values (subject, subject_id);
    select pg_notify('config_change', '');
$$;
revoke execute on function ring_config_change(text, text) from public;
grant execute on function ring_config_change(text, text) to gw_cp;
