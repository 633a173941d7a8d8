-- runs with: 0070
-- Functions are in sql/functions, in their newest text. `aihub-control migrate` replays a file whose revision is higher than the
-- one recorded here, after the migrations. A program with a lower revision leaves the file alone, so an older release never
-- puts its own text over a newer one.
create table schema_function (
    file text primary key,
    revision integer not null check (revision > 0),
    checksum text not null,
    applied_at timestamptz not null default now()
);
grant select on schema_function to gw_cp, gw_ro;
