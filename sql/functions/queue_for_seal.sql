-- revision: 1
-- Queues a new row of the audit log for its seal, in the same transaction, so that a late commit is not missed.
create or replace function queue_for_seal() returns trigger language plpgsql as $$
begin
    insert into public.audit_unsealed (id) values (new.id);
    return null;
end
$$;
