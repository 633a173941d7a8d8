-- The periods in which a request is charged: those of its admission. If a failover lost the admission, the record may
-- name only those of the early admission: the worker's report is then used.
local function periods_to_charge(request, new_state, reported)
  if not request or request.begun and new_state ~= 'C' and reported ~= '' then return reported end
  return request.periods
end

-- Replaces a request's hold by its charge in all scopes, from keys[first_scope] on. `request` is its record; `periods`
--   are its periods, also when Redis lost the record. `refund` is 0, 1 or 2: see settle.
local function replace_hold(keys, first_scope, request, new_state, periods, cost, tokens, refund, event)
  local old_state, refunds_unit = request and request.st, new_state == 'C' or refund ~= '0'
  local delta = old_state == 'R' and cost - request.cost or cost
  -- admit took the request unit; it is taken here if Redis lost the admission. A reap keeps it: the worker may still
  -- report that its caller got nothing.
  local units = (refunds_unit and -1 or 0) + ((not old_state or request.begun) and 1 or 0)
  for i = first_scope, #keys do
    local month, day = periods_of(periods, i - first_scope + 1)
    local scope = load_scope(keys[i])
    if not request or periods ~= request.periods then month, day = plausible_periods(scope, month, day) end
    if request and request.begun then remove_unit(scope, request, i - first_scope + 1) end
    add_to_periods(scope, month, day, old_state == 'O' and -request.hold or 0, delta, units)
    if refund == '2' then add_saved_event(scope, month, day, event) end
    if old_state == 'O' then
      scope[OPEN] = math.max(0, scope[OPEN] - 1)
      add_to_window(scope, request.bucket, refunds_unit and refund ~= '2' and -1 or 0,
        (new_state == 'C' and 0 or tonumber(tokens)) - request.est)
    end
    if old_state ~= nil or new_state ~= 'C' then store_scope(keys[i], scope) end
  end
end

-- Undoes an early admission as if it had never happened, and leaves no tombstone that could block what its worker may
-- still report: the worker may be alive after all, and its admission on the way, or lost by a failover.
local function cancel_early(keys, rid, request)
  if not request or request.st ~= 'O' or not request.begun then return {1, request and request.st or '', ''} end
  for i = 4, #keys do
    local scope = load_scope(keys[i])
    undo_early_admission(scope, request, i - 3)
    store_scope(keys[i], scope)
  end
  redis.call('ZREM', keys[2], rid)
  write_tombstone(keys[1], {st = 'B'}, 1)
  return {0, ''}
end

-- settle: replaces a hold by what the request really cost. One function for every way a request can end:
--  S finished (also after a reap: the difference is charged) · C never reached a provider: everything is given back
--  · R reaped: its worker is gone, charged by its last progress report · B an early admission whose worker is gone
-- KEYS  h:{s}:<rid>  o:{s}  u:{s}  then per scope b
-- ARGV  rid gen to(S|C|R|B) cost tokens event tombstone_ms periods refund(0|1|2: refund of the request unit; 2: in day
--   and month only, the sliding window keeps it, for a response from the cache)
-- `periods` names the periods of a request whose hold Redis lost: it is charged in them all the same.
-- Replies: {0, stream id} · {1, state, stream id} settled already · {3} fenced (after a wipe the totals are restored
--   first)
-- A settle that is repeated while the tombstone exists changes nothing.
local function settle(keys, args)
  local generation = redis.call('HGET', sibling_key('c:', keys[1]), 'gen')
  if generation ~= args[2] then return {3, generation or ''} end
  local request, new_state = read_record(keys[1]), args[3]
  local old_state = request and request.st
  if old_state == 'S' or old_state == 'C' or (old_state == 'R' and new_state ~= 'S') then
    return {1, old_state, request.stream or ''}
  end
  if new_state == 'R' and old_state ~= 'O' then return {1, old_state or '', ''} end
  if new_state == 'B' then return cancel_early(keys, args[1], request) end

  local periods, cost = periods_to_charge(request, new_state, args[8]), new_state == 'C' and 0 or parse_amount(args[4])
  -- Appended before it is counted: what cannot be appended is not counted, and the ledger takes a duplicate only once.
  local stream_id = new_state ~= 'C'
    and redis.call('XADD', keys[3], '*', 'id', args[1], 'kind', new_state == 'R' and 'reaped' or 'final',
      'event', args[6])
  replace_hold(keys, 4, request, new_state, periods, cost, args[5], args[9], args[6])
  redis.call('ZREM', keys[2], args[1])
  write_tombstone(keys[1], {st = new_state, cost = cost, periods = periods, stream = stream_id or nil}, args[7])
  return {0, stream_id or ''}
end

-- count: counts a request that append added to the stream in this generation.
-- KEYS  c:{s}  h:{s}:<rid>  o:{s}  then per scope b   ARGV  rid gen cost tokens event tombstone_ms periods refund
--   reaped
--  as in settle; reaped: what was charged when it was reaped, where its record may be gone ('': it was not reaped)
-- Replies: {0} · {1, state} counted already · {3, gen} that generation is over
local function count_late(keys, args)
  local generation = redis.call('HGET', sibling_key('c:', keys[1]), 'gen')
  if generation ~= args[2] then return {3, generation or ''} end
  local request = read_record(keys[1])
  if request and (request.st == 'S' or request.st == 'C') then return {1, request.st} end
  if not request and args[9] ~= '' then request = {st = 'R', cost = parse_amount(args[9]), periods = args[7]} end
  local periods, cost = periods_to_charge(request, 'S', args[7]), parse_amount(args[3])
  replace_hold(keys, 3, request, 'S', periods, cost, args[4], args[8], args[5])
  redis.call('ZREM', keys[2], args[1])
  write_tombstone(keys[1], {st = 'S', cost = cost, periods = periods}, args[6])
  return {0}
end
