-- Functions that workers call after Redis was restarted, failed over or wiped.

-- restore: restores the hold of a running request. Limits are not checked: it was admitted. Nothing happens if its
-- record exists, except that an early admission becomes the full admission.
-- KEYS  h:{s}:<rid>  o:{s}  then per scope b   ARGV  rid gen owner at ttl_ms est hold cost event periods
-- Replies: {0} · {1, state} the record exists · {3, gen} fenced
local function restore(keys, args)
  local generation = redis.call('HGET', sibling_key('c:', keys[1]), 'gen')
  if generation ~= args[2] then return {3, generation or ''} end
  local request = read_record(keys[1])
  local early = request and request.begun and request.st == 'O'
  if request and not early then return {1, request.st} end
  local hold, now, ttl, counted = parse_amount(args[7]), now_ms(), tonumber(args[5]), {}
  for i = 1, #keys - 2 do
    local scope = load_scope(keys[i + 2])
    local month, day = plausible_periods(scope, periods_of(args[10], i))
    counted[i] = month and int(month) .. '/' .. int(day)
    if early then undo_early_admission(scope, request, i) end
    add_to_periods(scope, month, day, hold, 0, 1)
    scope[OPEN] = scope[OPEN] + 1
    store_scope(keys[i + 2], scope)
  end
  write_open_record(keys[1], {
    st = 'O', owner = args[3], at = tonumber(args[4]), deadline = now + ttl, hold = hold, est = tonumber(args[6]),
    cost = tonumber(args[8]), event = args[9], periods = table.concat(counted, ','), bucket = 0,
  })
  redis.call('ZADD', keys[2], int(now + ttl), args[1])
  return {0}
end

-- append: adds an ended request to the usage stream and changes no counter. While the counters exist, the entry names
-- their generation, and the ledger has it counted there, once. While they are lost, the entry becomes part of the
-- totals that are restored from the ledger. Once those totals are about to be read ("closed") it is too late for that,
-- and too early for the next generation.
-- KEYS u:{s}   ARGV rid event   Replies: {0, stream id} · {3} not now
local function append_event(keys, args)
  local generation = redis.call('HGET', sibling_key('c:', keys[1]), 'gen')
  if generation then
    return {0, redis.call('XADD', keys[1], '*', 'id', args[1], 'kind', 'final', 'event', args[2], 'life', generation)}
  end
  if redis.call('HGET', sibling_key('run:', keys[1]), 'closed') then return {3} end
  return {0, redis.call('XADD', keys[1], '*', 'id', args[1], 'kind', 'final', 'event', args[2])}
end

-- reopen: this owner has replayed what it knows into the process `run` and the generation `gen`. Admissions open when
-- all known owners have done so, or patience_ms after the first one.
-- KEYS  run:{s}  hb:{s}   ARGV  owner run gen patience_ms
-- Replies: {0} open · {1, owners awaited} · {2, gen} another generation is current: replay into that one first
--  · {3, gen being prepared | ''} the counters are lost: see barrier
local NO_OWNER = {open = true, run = true, since = true, barrier = true, closed = true, filling = true}

local function reopen(keys, args)
  local now, generation = now_ms(), redis.call('HGET', sibling_key('c:', keys[1]), 'gen')
  if not generation then return {3, redis.call('HGET', keys[1], 'barrier') or ''} end
  if generation ~= args[3] then return {2, generation} end
  -- Counts as a heartbeat: earlier heartbeats were lost with the counters.
  if not redis.call('HGET', keys[2], args[1]) then redis.call('HSET', keys[2], args[1], int(now)) end
  local fields, flat = {}, redis.call('HGETALL', keys[1])
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  if fields.open == args[2] then return {0} end
  redis.call('HSET', keys[1], args[1], args[2])
  local since = tonumber(fields.since)
  if fields.run ~= args[2] or now < since then
    redis.call('HSET', keys[1], 'run', args[2], 'since', int(now))
    since = now
  end
  -- Owners are those with a heartbeat and those that called this function: a total loss also loses heartbeats.
  fields[args[1]] = args[2]
  for _, owner in ipairs(redis.call('HKEYS', keys[2])) do fields[owner] = fields[owner] or '' end
  local awaited = 0
  for owner, state in pairs(fields) do
    if not NO_OWNER[owner] and state ~= args[2] then awaited = awaited + 1 end
  end
  if awaited > 0 and now - since < tonumber(args[4]) then return {1, awaited} end
  -- Forgets owners that were not awaited or have gone.
  redis.call('DEL', keys[1])
  redis.call('HSET', keys[1], 'open', args[2])
  return {0}
end

-- appended: this owner has appended everything it knows for the generation `gen` that is being prepared.
-- KEYS run:{s}   ARGV owner gen   Reply {0}
local function mark_appended(keys, args)
  redis.call('HSET', keys[1], args[1], 'b' .. args[2])
  return {0}
end
