-- What a worker may do with a key while the limiter cannot be reached. Null: deny where money, a day or a month is limited,
-- for the key or for its org, since only the limiter can hold such a limit; else allow_local.
alter table api_key add column outage_policy text
    constraint "an outage policy is deny, allow_local or allow" check (outage_policy in ('deny', 'allow_local', 'allow'));
