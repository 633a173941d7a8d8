-- revision: 1
-- Keys, orgs and retired digests are ended, not deleted: the ledger refers to them forever.
create or replace function refuse_delete() returns trigger language plpgsql as $$
begin
    raise exception '% rows are never deleted', tg_table_name
        using hint = 'Revoke the key or suspend the org instead.', errcode = 'check_violation';
end
$$;
