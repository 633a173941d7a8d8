-- What each role may do. Nobody may change or delete what the ledger and the audit log hold.
grant usage on schema public to gw_cp, gw_ingest, gw_ro;
grant select on all tables in schema public to gw_cp, gw_ro;
revoke select on admin_token, credential from gw_ro;
grant insert, update on plan, org, api_key, provider, credential, model, price, deployment, alias, alias_candidate to gw_cp;
grant delete on provider, credential, model, price, deployment, alias, alias_candidate to gw_cp;
grant insert, update, delete on admin_token to gw_cp;
grant update on config_change, shard_epoch to gw_cp;
grant usage on all sequences in schema public to gw_cp;
grant select, insert on usage_event to gw_ingest;
grant select, insert, update on spend to gw_ingest;
grant select, update on ledger_cursor to gw_ingest;
