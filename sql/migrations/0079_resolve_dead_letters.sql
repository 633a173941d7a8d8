-- runs with: 0070
-- An operator takes a dead letter in after all, once its cause is mended, or says that it will not be taken in. The letter stays; what was
-- done about it is audited, without the event, which may be anything and is in the letter.
alter table usage_dead_letter
    add column resolution text constraint "a dead letter was retried or dismissed" check (resolution in ('retried', 'dismissed')),
    add column resolved_at timestamptz,
    add constraint "a resolved dead letter says since when" check ((resolution is null) = (resolved_at is null));
create index usage_dead_letter_waiting on usage_dead_letter (id) where resolution is null;

create trigger usage_dead_letter_audit after update or delete on usage_dead_letter for each row execute function write_audit();

-- Ends a letter in one of the two ways, once. With 'retried' the ledger takes its event in, or the whole is refused with the ledger's reason.
-- Runs with its owner's rights: the API's role may not write the ledger. False: somebody resolved it before.
create function resolve_dead_letter(letter bigint, how text) returns boolean language plpgsql security definer
    set search_path = public, pg_temp as $$
declare
    found_letter public.usage_dead_letter;
begin
    update public.usage_dead_letter set resolution = how, resolved_at = now() where id = letter and resolution is null
        returning * into found_letter;
    if not found then
        return false;
    end if;
    if how = 'retried' then
        perform public.take_usage_in(jsonb_build_array(jsonb_build_object(
            'kind', found_letter.kind, 'event', found_letter.event::jsonb)));
    end if;
    return true;
end
$$;
revoke execute on function resolve_dead_letter(bigint, text) from public;
grant execute on function resolve_dead_letter(bigint, text) to gw_cp;
