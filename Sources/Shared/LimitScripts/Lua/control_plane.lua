-- Functions that only the control plane calls.

-- Redis checks a caller's rights by the keys of the call. `f` is called without the first key, the shard's c:, which a
-- worker may not name.
local function control_plane_only(f)
  return function(keys, args)
    if string.sub(keys[1] or '', 1, 3) ~= 'c:{' then
      return redis.error_reply('NOPERM the first key of this function is c:{s}')
    end
    return f({unpack(keys, 2)}, args)
  end
end

-- raise: raises a version and never lowers it. KEYS c:{s}   ARGV name version
-- Replies: {0} · {1, version} that is in place
local function raise_version(keys, args)
  local current = tonumber(redis.call('HGET', keys[1], args[1])) or -1
  if current >= tonumber(args[2]) then return {1, int(current)} end
  redis.call('HSET', keys[1], args[1], args[2])
  return {0}
end

-- put_key: stores a key record unless a newer one is in place. KEYS k:<digest>   ARGV version record
-- Replies: {0} · {1, version} that is in place
local function put_key(keys, args)
  local current = tonumber(redis.call('HGET', keys[1], 'v')) or -1
  if current > tonumber(args[1]) then return {1, int(current)} end
  redis.call('HSET', keys[1], 'v', args[1], 'record', args[2])
  return {0}
end

-- barrier: the counters of this shard are lost, and owners are to append what they know for its next generation, `gen`.
-- KEYS c:{s} run:{s}   ARGV gen
-- Replies: {1} begun now; if it had been requested before, Redis has lost that, and the appends with it
--  · {0, owner, owner, …} the owners that have appended
--  · {3, gen} that generation is current, or a later one is being prepared
local function begin_rebuild(keys, args)
  local generation = redis.call('HGET', sibling_key('c:', keys[1]), 'gen')
  local prepared = tonumber(redis.call('HGET', keys[1], 'barrier')) or 0
  if generation or prepared > tonumber(args[1]) then return {3, generation or int(prepared)} end
  if prepared < tonumber(args[1]) then
    redis.call('HSET', keys[1], 'barrier', args[1])
    redis.call('HDEL', keys[1], 'closed')
    return {1}
  end
  local reply, all = {0}, redis.call('HGETALL', keys[1])
  for i = 1, #all, 2 do
    if all[i + 1] == 'b' .. args[1] then reply[#reply + 1] = all[i] end
  end
  return reply
end

-- stop: ends a generation that a failover brought back after a later one had begun. KEYS c:{s}   ARGV gen   Reply {0}
local function end_generation(keys, args)
  if redis.call('HGET', keys[1], 'gen') == args[1] then redis.call('HDEL', keys[1], 'gen') end
  return {0}
end

-- close: rejects further appends, because the totals are about to be read. KEYS c:{s} run:{s}   ARGV gen
-- Replies: {0} · {3} this is not the generation that is being prepared
local function close_appends(keys, args)
  if redis.call('HGET', keys[1], 'barrier') ~= args[1] then return {3} end
  redis.call('HSET', keys[1], 'closed', args[1])
  return {0}
end

-- Whether `gen` is being prepared: its barrier is in place and closed. False once Redis has been wiped again (the
-- restored totals are gone too) or another control plane has taken over.
local function is_prepared(key, generation)
  return not redis.call('HGET', sibling_key('c:', key), 'gen')
    and redis.call('HGET', sibling_key('run:', key), 'closed') == generation
end

-- Records that totals are being restored: from then on none of them may be removed (see clear).
local function mark_filling(key, generation)
  local run_key = sibling_key('run:', key)
  if redis.call('HGET', run_key, 'filling') ~= generation then redis.call('HSET', run_key, 'filling', generation) end
end

-- seed: restores a scope's totals after a total loss, for the generation that is being prepared.
-- KEYS c:{s} b:{s}:<scope>   ARGV gen, then month spent requests day spent requests of the current periods and of the
--   previous ones,
--  then the savings of the response cache: requests nano of the month, requests nano of the day
-- Replies: {0} · {3, gen} this is not the generation that is being prepared. Repeating the call changes nothing.
local function seed(keys, args)
  if not is_prepared(keys[1], args[1]) then return {3, redis.call('HGET', sibling_key('c:', keys[1]), 'gen') or ''} end
  mark_filling(keys[1], args[1])
  local scope = load_scope(keys[1])
  for i, at in ipairs({MONTH, DAY, LAST_MONTH, LAST_DAY}) do
    local first = 2 + (i - 1) * 3
    scope[at], scope[at + SPENT], scope[at + SPENT_HIGH], scope[at + RESERVED], scope[at + REQUESTS] =
      tonumber(args[first]), 0, 0, 0, tonumber(args[first + 2])
    scope[at + SPENT_HIGH], scope[at + SPENT] = split_money(args[first + 1])
  end
  scope[OPEN] = 0
  for i = SAVED, SAVED + 5 do scope[i] = scope[i] and 0 end
  if args[17] and args[14] ~= '0' then
    add_saved(scope, scope[MONTH], scope[DAY], tonumber(args[14]), parse_amount(args[15]),
      tonumber(args[16]), parse_amount(args[17]))
  end
  store_scope(keys[1], scope)
  return {0}
end

-- clear: removes what is left of requests and counters before totals are restored.
-- KEYS c:{s} run:{s} then h:, b: and o: of the shard   ARGV gen
-- Replies: {0} · {3} this is not the generation that is being prepared, or some of its totals are restored already
local function clear_shard(keys, args)
  if not is_prepared(keys[1], args[1]) or redis.call('HGET', keys[1], 'filling') == args[1] then return {3} end
  redis.call('DEL', unpack(keys, 2))
  return {0}
end

-- entomb: restores what a request was charged when it was reaped, for a worker that settles it after a total loss.
-- KEYS c:{s} h:{s}:<rid>   ARGV gen cost periods tombstone_ms
-- Replies: {0} · {1} a record exists · {3} this is not the generation that is being prepared
local function restore_reaped(keys, args)
  if not is_prepared(keys[1], args[1]) then return {3} end
  if redis.call('EXISTS', keys[1]) == 1 then return {1} end
  mark_filling(keys[1], args[1])
  write_tombstone(keys[1], {st = 'R', cost = tonumber(args[2]), periods = args[3]}, args[4])
  return {0}
end

-- live: activates the generation whose totals are restored. Settles work again; admissions open when the workers have
-- restored their holds. KEYS c:{s}   ARGV gen run
-- Replies: {0} · {3, gen} this is not the generation that is being prepared, or Redis is not the process in which it
--   was prepared, which may lack part of it
local function activate(keys, args)
  local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  if run_id ~= args[2] or not is_prepared(keys[1], args[1]) then
    return {3, redis.call('HGET', keys[1], 'gen') or ''}
  end
  redis.call('HSET', keys[1], 'gen', args[1])
  return {0}
end

-- at_least: raises what a scope has spent to the ledger's total, in the periods named. It never lowers anything, and
-- does nothing while requests of the scope run: what they reserve may be what is missing.
-- KEYS c:{s} b:{s}:<scope>   ARGV month spent requests day spent requests
-- Replies: {0, nano added to the month, to the day} · {1} requests are running
local function raise_spent(keys, args)
  local scope, added = load_scope(keys[1]), {0, 0}
  if scope[OPEN] > 0 then return {1} end
  for i, at in ipairs({MONTH, DAY}) do
    local first = (i - 1) * 3
    if scope[at] == tonumber(args[first + 1]) then
      local high, low = split_money(args[first + 2])
      added[i] = math.max(0, (high - scope[at + SPENT_HIGH]) * BASE + low - scope[at + SPENT])
      if added[i] > 0 then scope[at + SPENT_HIGH], scope[at + SPENT] = high, low end
      scope[at + REQUESTS] = math.max(scope[at + REQUESTS], tonumber(args[first + 3]))
    end
  end
  store_scope(keys[1], scope)
  return {0, int(added[1]), int(added[2])}
end
