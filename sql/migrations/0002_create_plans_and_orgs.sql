-- Plans and orgs. A plan is a ceiling per key and per org that only the operator raises; an org's and a key's own limits
-- only tighten it. Money is bigint nano-USD (10^-9 USD); null means no limit of that kind.

-- Every change of a key, an org or a plan takes a number from here, so a later state always has a higher version.
create sequence record_version;

create domain limit_count as bigint
    constraint "a limit is at least 1; null means no limit" check (value >= 1);
create domain limit_nano_usd as bigint
    constraint "a money limit is between 0 and 9,000,000 USD; null means no limit" check (value between 0 and 9000000000000000);

create table plan (
    name text primary key constraint "a plan's name has 1 to 64 characters" check (length(name) between 1 and 64),
    key_requests_per_minute limit_count,
    key_tokens_per_minute limit_count,
    key_concurrent_requests limit_count,
    key_requests_per_day limit_count,
    key_requests_per_month limit_count,
    key_nano_usd_per_day limit_nano_usd,
    key_nano_usd_per_month limit_nano_usd,
    org_requests_per_minute limit_count,
    org_tokens_per_minute limit_count,
    org_concurrent_requests limit_count,
    org_requests_per_day limit_count,
    org_requests_per_month limit_count,
    org_nano_usd_per_day limit_nano_usd,
    org_nano_usd_per_month limit_nano_usd
);

create table org (
    id text primary key constraint "an org's id is org_ and 16 base62 characters" check (id ~ '^org_[0-9A-Za-z]{16}$'),
    name text not null constraint "an org's name has 1 to 128 characters" check (length(name) between 1 and 128),
    plan text not null references plan (name),
    status text not null default 'active' constraint "an org is active or suspended" check (status in ('active', 'suspended')),
    requests_per_minute limit_count,
    tokens_per_minute limit_count,
    concurrent_requests limit_count,
    requests_per_day limit_count,
    requests_per_month limit_count,
    nano_usd_per_day limit_nano_usd,
    nano_usd_per_month limit_nano_usd,
    version bigint not null default nextval('record_version'),
    created_at timestamptz not null default now()
);
create index org_plan on org (plan);

-- The free plan as its users were promised it: 50 requests a day for the org, however many keys it has.
insert into plan (name, key_requests_per_minute, org_requests_per_minute, org_requests_per_day, org_concurrent_requests)
values ('free', 20, 20, 50, 4);
insert into plan (name) values ('unlimited');
