-- What only the control plane calls.

-- The rights of a function's caller are looked at by its keys. `f` is called without the first, the shard's c:, which a worker may not name.
local function controls(f)
  return function(K, A)
    if string.sub(K[1] or '', 1, 3) ~= 'c:{' then return redis.error_reply('NOPERM the first key of this function is c:{s}') end
    return f({unpack(K, 2)}, A)
  end
end

-- Raises a version and never lowers it. KEYS c:{s}   ARGV name version
local function raise(K, A)
  local was = tonumber(redis.call('HGET', K[1], A[1])) or -1
  if was >= tonumber(A[2]) then return {1, int(was)} end
  redis.call('HSET', K[1], A[1], A[2])
  return {0}
end

-- Stores a key record unless a newer one stands there. KEYS k:<digest>   ARGV version record
local function put_key(K, A)
  local was = tonumber(redis.call('HGET', K[1], 'v')) or -1
  if was > tonumber(A[1]) then return {1, int(was)} end
  redis.call('HSET', K[1], 'v', A[1], 'record', A[2])
  return {0}
end

-- barrier: the counters of this shard are lost; owners are to file what they know for its next life, `gen`.
-- KEYS c:{s} run:{s}   ARGV gen   Replies: {1} begun now: where that was asked for before, Redis lost it since, and what was filed
--   with it · {0, owner, owner, …} that have filed · {3, gen} it lives, or a later life is being prepared
local function barrier(K, A)
  local gen = redis.call('HGET', beside('c:', K[1]), 'gen')
  local prepared = tonumber(redis.call('HGET', K[1], 'barrier')) or 0
  if gen or prepared > tonumber(A[1]) then return {3, gen or int(prepared)} end
  if prepared < tonumber(A[1]) then
    redis.call('HSET', K[1], 'barrier', A[1])
    redis.call('HDEL', K[1], 'closed')
    return {1}
  end
  local reply, all = {0}, redis.call('HGETALL', K[1])
  for i = 1, #all, 2 do
    if all[i + 1] == 'b' .. A[1] then reply[#reply + 1] = all[i] end
  end
  return reply
end

-- stop: ends a life that a failover has brought back after a later one had begun. KEYS c:{s}   ARGV gen   Reply {0}
local function stop(K, A)
  if redis.call('HGET', K[1], 'gen') == A[1] then redis.call('HDEL', K[1], 'gen') end
  return {0}
end

-- close: what is filed from now on is not for the totals that are about to be read. KEYS c:{s} run:{s}   ARGV gen
-- Replies: {0} · {3} this is not the life that is being prepared
local function close(K, A)
  if redis.call('HGET', K[1], 'barrier') ~= A[1] then return {3} end
  redis.call('HSET', K[1], 'closed', A[1])
  return {0}
end

-- Whether `gen` is the life being prepared: its barrier stands and is closed. It does not when Redis was wiped again since, totals that
-- were put back with it, or when another control plane is at it.
local function is_prepared(key, gen)
  return not redis.call('HGET', beside('c:', key), 'gen') and redis.call('HGET', beside('run:', key), 'closed') == gen
end

-- From the first of what is put back on, nothing of it may be removed: see clear.
local function note_filling(key, gen)
  local run = beside('run:', key)
  if redis.call('HGET', run, 'filling') ~= gen then redis.call('HSET', run, 'filling', gen) end
end

-- seed: puts a scope's totals back after a total loss, for the life that is being prepared; {3} otherwise.
-- KEYS c:{s} b:{s}:<scope>   ARGV gen  then month spent requests day spent requests, of now and of the windows before,
--   then what answers out of the cache saved: requests nano of the month, requests nano of the day
local function seed(K, A)
  if not is_prepared(K[1], A[1]) then return {3, redis.call('HGET', beside('c:', K[1]), 'gen') or ''} end
  note_filling(K[1], A[1])
  local s = load(K[1])
  for i, w in ipairs({M, D, QM, QD}) do
    local a = 2 + (i - 1) * 3
    s[w], s[w + SPENT], s[w + SPENT_HIGH], s[w + RESERVED], s[w + REQUESTS] = tonumber(A[a]), 0, 0, 0, tonumber(A[a + 2])
    s[w + SPENT_HIGH], s[w + SPENT] = halves(A[a + 1])
  end
  s[OPEN] = 0
  for i = SAVED, SAVED + 5 do s[i] = s[i] and 0 end
  if A[17] and A[14] ~= '0' then
    save(s, s[M], s[D], tonumber(A[14]), amount(A[15]), tonumber(A[16]), amount(A[17]))
  end
  store(K[1], s)
  return {0}
end

-- clear: removes what is left of requests and counters before totals are put back. KEYS c:{s} run:{s} then h:, b: and o: of the shard
-- ARGV gen   Replies: {0} · {3} this is not the life that is being prepared, or some of its totals are back already
local function clear(K, A)
  if not is_prepared(K[1], A[1]) or redis.call('HGET', K[1], 'filling') == A[1] then return {3} end
  redis.call('DEL', unpack(K, 2))
  return {0}
end

-- entomb: what a request was charged when it was reaped, for a worker that comes back with its own word after a total loss.
-- KEYS c:{s} h:{s}:<rid>   ARGV gen cost periods tombstone_ms   Replies: {0} · {1} a record stands · {3} not the life being prepared
local function entomb(K, A)
  if not is_prepared(K[1], A[1]) then return {3} end
  if redis.call('EXISTS', K[1]) == 1 then return {1} end
  note_filling(K[1], A[1])
  keep(K[1], {st = 'R', cost = tonumber(A[2]), periods = A[3]}, A[4])
  return {0}
end

-- live: the shard's totals are back; settles run again, admissions open when the workers have restored their holds.
-- KEYS c:{s}   ARGV gen run   Replies: {0} · {3, gen} this is not the life that is being prepared, or not the process of Redis
--   it was prepared in: another may lack some of it
local function live(K, A)
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  if run ~= A[2] or not is_prepared(K[1], A[1]) then return {3, redis.call('HGET', K[1], 'gen') or ''} end
  redis.call('HSET', K[1], 'gen', A[1])
  return {0}
end

-- at_least: a scope has spent what the ledger says, or more: raises what is less, of the windows named. Nothing while requests
-- of it run: what is reserved may be what is missing.
-- KEYS c:{s} b:{s}:<scope>   ARGV month spent requests day spent requests   Reply {0, nano added to the month, to the day} · {1}
local function at_least(K, A)
  local s, added = load(K[1]), {0, 0}
  if s[OPEN] > 0 then return {1} end
  for i, w in ipairs({M, D}) do
    local a = (i - 1) * 3
    if s[w] == tonumber(A[a + 1]) then
      local high, low = halves(A[a + 2])
      added[i] = math.max(0, (high - s[w + SPENT_HIGH]) * BASE + low - s[w + SPENT])
      if added[i] > 0 then s[w + SPENT_HIGH], s[w + SPENT] = high, low end
      s[w + REQUESTS] = math.max(s[w + REQUESTS], tonumber(A[a + 3]))
    end
  end
  store(K[1], s)
  return {0, int(added[1]), int(added[2])}
end
