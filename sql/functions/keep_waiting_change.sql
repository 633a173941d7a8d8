-- revision: 1
-- A change is deleted only after it was published.
create or replace function keep_waiting_change() returns trigger language plpgsql as $$
begin
    if old.published_at is null then
        raise exception 'a change that is not published yet stays';
    end if;
    return old;
end $$;
