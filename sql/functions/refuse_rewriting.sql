-- revision: 1
-- Rows of an append-only table are neither changed nor deleted, by any role.
create or replace function refuse_rewriting() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end
$$;
