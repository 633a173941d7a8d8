-- revision: 1
-- Resolves a dead letter, once. With 'retried' its event is ingested, or everything is refused with the ledger's
-- reason. It runs with its owner's rights, since the API's role may not write the ledger. Returns false if the
-- letter was resolved before.
create or replace function resolve_dead_letter(letter bigint, how text) returns boolean language plpgsql security definer
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
