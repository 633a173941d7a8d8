-- runs with: 0070
-- Seals of the audit log: each row's is an HMAC over the one before and the row, under a key that is not in the database
-- (ControlPlaneApp/AuditChain.swift). The order is that of sealing, not of audit_log.id: a transaction that takes its id early and commits
-- late comes after rows with higher ids that were sealed meanwhile.
create table audit_seal (
    number bigint primary key check (number > 0),
    audit_id bigint not null unique,
    -- Version and fingerprint of the key.
    key text not null,
    seal text not null
);
create trigger audit_seal_is_append_only before update or delete on audit_seal for each row execute function refuse_rewriting();

-- Rows that have no seal yet. Each is queued by the transaction that writes it, so none is missed however late it commits.
create table audit_unsealed (id bigint primary key);
create function queue_for_seal() returns trigger language plpgsql as $$
begin
    insert into public.audit_unsealed (id) values (new.id);
    return null;
end
$$;
-- Rows come from the triggers of what is audited. One that somebody inserts by itself is not queued, gets no seal, and is found by that.
create trigger audit_log_is_to_be_sealed after insert on audit_log for each row
    when (pg_trigger_depth() > 0) execute function queue_for_seal();

-- The rows that were there before, from after (exclusive) to up_to, queued a few at a time by the control plane. The trigger above has
-- waited for all who were writing, and keeps others waiting until it is committed: nobody is between the two.
create table audit_seal_backlog (after bigint not null, up_to bigint not null);
insert into audit_seal_backlog select 0, coalesce(max(id), 0) from audit_log;

-- The role that seals is the ledger's. The API's may only read.
grant select on audit_log to gw_ingest;
grant select, insert on audit_seal to gw_ingest;
grant select, insert, delete on audit_unsealed to gw_ingest;
grant select, update on audit_seal_backlog to gw_ingest;
grant select on audit_seal, audit_unsealed, audit_seal_backlog to gw_cp, gw_ro;
