-- What workers call after Redis restarted, failed over or was wiped.

-- restore: puts a running request's hold back, whatever the limits say: it was admitted. Nothing happens where its record
-- stands, but what only begun was and then admitted is completed. KEYS  h:{s}:<rid>  o:{s}  then per scope b   ARGV  rid gen owner at ttl_ms est hold cost event periods
-- Replies: {0} · {1, state} it stands · {3, gen} fenced
local function restore(K, A)
  local gen = redis.call('HGET', beside('c:', K[1]), 'gen')
  if gen ~= A[2] then return {3, gen or ''} end
  local r = record(K[1])
  local begun = r and r.begun and r.st == 'O'
  if r and not begun then return {1, r.st} end
  local hold, now, ttl, counted = amount(A[7]), now_ms(), tonumber(A[5]), {}
  for i = 1, #K - 2 do
    local s = load(K[i + 2])
    local month, day = believed(s, periods_of(A[10], i))
    counted[i] = month and int(month) .. '/' .. int(day)
    if begun then unbegin(s, r, i) end
    charge(s, month, day, hold, 0, 1)
    s[OPEN] = s[OPEN] + 1
    store(K[i + 2], s)
  end
  hold_open(K[1], {
    st = 'O', owner = A[3], at = tonumber(A[4]), deadline = now + ttl, hold = hold, est = tonumber(A[6]),
    cost = tonumber(A[8]), event = A[9], periods = table.concat(counted, ','), bucket = 0,
  })
  redis.call('ZADD', K[2], int(now + ttl), A[1])
  return {0}
end

-- append: files an ended request for the ledger and touches no counter. In a shard that lives, the entry names the life: the
-- ledger sees to it that it is counted there, once. In a lost one it is in the totals that are put back; when these are about to
-- be read ("closed") it is too late for them, and too early for the life to come.
-- KEYS u:{s}   ARGV rid event   Replies: {0, stream id} · {3} not now
local function append(K, A)
  local gen = redis.call('HGET', beside('c:', K[1]), 'gen')
  if gen then return {0, redis.call('XADD', K[1], '*', 'id', A[1], 'kind', 'final', 'event', A[2], 'life', gen)} end
  if redis.call('HGET', beside('run:', K[1]), 'closed') then return {3} end
  return {0, redis.call('XADD', K[1], '*', 'id', A[1], 'kind', 'final', 'event', A[2])}
end

-- reopen: this owner has replayed what it knows into the process `run` and the shard's life `gen`. Admissions open when all
-- owners that are known have, or when patience_ms have passed since the first of them spoke.
-- KEYS  run:{s}  hb:{s}   ARGV  owner run gen patience_ms
-- Replies: {0} open · {1, owners awaited} · {2, gen} the shard lives another life: replay into that first
--   · {3, gen of the life being prepared | ''} its counters are lost: see barrier
local NO_OWNER = {open = true, run = true, since = true, barrier = true, closed = true, filling = true}

local function reopen(K, A)
  local now, gen = now_ms(), redis.call('HGET', beside('c:', K[1]), 'gen')
  if not gen then return {3, redis.call('HGET', K[1], 'barrier') or ''} end
  if gen ~= A[3] then return {2, gen} end
  -- A sign of life: those from before went with the counters.
  if not redis.call('HGET', K[2], A[1]) then redis.call('HSET', K[2], A[1], int(now)) end
  local at, all = {}, redis.call('HGETALL', K[1])
  for i = 1, #all, 2 do at[all[i]] = all[i + 1] end
  if at.open == A[2] then return {0} end
  redis.call('HSET', K[1], A[1], A[2])
  local since = tonumber(at.since)
  if at.run ~= A[2] or now < since then
    redis.call('HSET', K[1], 'run', A[2], 'since', int(now))
    since = now
  end
  -- Owners are who gave signs of life, and who spoke here: after a total loss the signs of life are lost, too.
  at[A[1]] = A[2]
  for _, owner in ipairs(redis.call('HKEYS', K[2])) do at[owner] = at[owner] or '' end
  local awaited = 0
  for owner, process in pairs(at) do
    if not NO_OWNER[owner] and process ~= A[2] then awaited = awaited + 1 end
  end
  if awaited > 0 and now - since < tonumber(A[4]) then return {1, awaited} end
  -- Who was not waited for is forgotten here, and so is who has gone.
  redis.call('DEL', K[1])
  redis.call('HSET', K[1], 'open', A[2])
  return {0}
end

-- appended: this owner has filed everything it knows of, for the life `gen` that is being prepared.
-- KEYS run:{s}   ARGV owner gen
local function appended(K, A)
  redis.call('HSET', K[1], A[1], 'b' .. A[2])
  return {0}
end
