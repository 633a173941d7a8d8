-- revision: 1
-- Every change of a key or an org raises the version of its record, so that workers can tell the newer one.
create or replace function raise_record_version() returns trigger language plpgsql as $$
begin
    new.version := nextval('record_version');
    return new;
end
$$;
