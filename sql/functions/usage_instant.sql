-- revision: 1
-- The instant whose minute, hour and day a request is charged to, by one of its rows. Rows from before migration 0090 do
-- not say which of two came first: the reaped one counts as the first, as it nearly always was.
create or replace function usage_instant(event usage_event) returns timestamptz language sql stable as $$
    select coalesce(event.charged_at,
        (select r.admitted_at from usage_event r
            where event.kind = 'final' and r.day = event.day and r.id = event.id and r.kind = 'reaped' and r.charged_at is null),
        event.admitted_at)
$$;
