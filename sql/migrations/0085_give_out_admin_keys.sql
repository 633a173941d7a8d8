-- runs with: 0070
-- Admin keys: credentials of the admin API, each with a role, for the whole installation or for one org. The secret is nowhere: only its HMAC
-- under a pepper that this database does not hold, as with api_key.
create table admin_key (
    id text primary key constraint "an admin key's id is adm_ and 16 base62 characters" check (id ~ '^adm_[0-9A-Za-z]{16}$'),
    -- Null for the whole installation.
    org_id text references org (id),
    name text not null constraint "an admin key's name has 1 to 128 characters" check (length(name) between 1 and 128),
    role text not null constraint "an admin key's role is known"
        check (role in ('operator', 'support', 'owner', 'admin', 'developer', 'billing', 'viewer')),
    digest text not null unique constraint "an admin key's digest is 64 hexadecimal characters" check (digest ~ '^[0-9a-f]{64}$'),
    display text not null,
    created_by text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz constraint "an admin key's expiry is an instant" check (isfinite(expires_at)),
    -- To about a minute.
    last_used_at timestamptz,
    revoked_at timestamptz,
    constraint "operators and support belong to no org, all other roles to one" check ((role in ('operator', 'support')) = (org_id is null)),
    constraint "an admin key expires after it was created" check (expires_at > created_at)
);
create index admin_key_org on admin_key (org_id);

-- That a key was used is not a change of configuration: it leaves no row.
create trigger admin_key_audit after insert or delete on admin_key for each row execute function write_audit();
create trigger admin_key_audit_update after update on admin_key for each row
    when ((to_jsonb(old) - 'last_used_at') is distinct from (to_jsonb(new) - 'last_used_at')) execute function write_audit();
create trigger admin_key_stays before delete on admin_key for each row execute function refuse_delete();

-- What an admin key may do is fixed when it is created: the API's role may note its use and revoke it, nothing else.
grant select, insert on admin_key to gw_cp;
grant update (last_used_at, revoked_at) on admin_key to gw_cp;
grant select (id, org_id, name, role, display, created_by, created_at, expires_at, last_used_at, revoked_at) on admin_key to gw_ro;

-- A pepper is not dropped while admin keys need it either. An expiry of theirs cannot be lifted.
create or replace view keys_of_pepper as
    select coalesce(p.pepper, 'unknown') as pepper, count(*) as keys
    from (
        select digest from api_key where status = 'active'
        union all
        select r.digest from retired_digest r join api_key k on k.id = r.key_id where r.valid_until > now() and k.status = 'active'
        union all
        select digest from admin_key where revoked_at is null and (expires_at is null or expires_at > now())
    ) d left join key_pepper p using (digest)
    group by 1;
