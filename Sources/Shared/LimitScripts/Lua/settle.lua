-- settle: replaces a hold by what the request really cost. One function for every way out:
--   S finished (also after a reap: the difference is charged) · C never reached a provider: everything is given back
--   · R reaped: its worker is gone, charged by what it last reported.
-- KEYS  r:{s}:<rid>  o:{s}  u:{s}  then per scope b w
-- ARGV  rid gen to(S|C|R) cost tokens event tombstone_ms periods give_back(0|1: the unit of the request limits)
-- Replies: {0, stream id} · {1, state} already there · {3} fenced (a wiped Redis waits for its totals first)

local function split(list, separator)
  local out = {}
  for part in string.gmatch(list .. separator, '(.-)' .. separator) do out[#out + 1] = part end
  return out
end

local function settle(K, A)
  local gen = redis.call('HGET', beside('e:', K[1]), 'gen')
  if gen ~= A[2] then return {3, gen or ''} end
  local v = redis.call('HMGET', K[1], 'st', 'hold', 'est', 'cost', 'periods', 'buckets')
  local from, to = v[1], A[3]
  if from == 'S' or from == 'C' or (from == 'R' and to ~= 'S') then return {1, from} end
  if to == 'R' and from ~= 'O' then return {1, from or ''} end

  local named, delta = v[5] or A[8], tonumber(A[4])
  if from == 'R' then delta = delta - tonumber(v[4]) end
  local buckets, back = split(v[6] or '', ','), to == 'C' or A[9] == '1'
  for i, name in ipairs(split(named, ',')) do
    local key, ring_key = K[2 + i * 2], K[3 + i * 2]
    local month, day = string.match(name, '(%d+)/(%d+)')
    for _, w in ipairs(WINDOWS) do
      local period = w == 'm' and month or day
      if from == 'O' then add(key, w, period, 'r', int(-tonumber(v[2]))) end
      if delta ~= 0 and to ~= 'C' then add(key, w, period, 's', int(delta)) end
      if from == 'O' and back then add(key, w, period, 'n', -1) end
    end
    if from == 'O' then
      redis.call('HINCRBY', key, 'open', -1)
      local bucket, est = tonumber(buckets[i]), tonumber(v[3])
      if bucket then ring_correct(ring_key, bucket, back and -1 or 0, to == 'C' and -est or tonumber(A[5]) - est) end
    end
  end
  redis.call('ZREM', K[2], A[1])
  redis.call('HSET', K[1], 'st', to, 'cost', A[4], 'periods', named)
  redis.call('HDEL', K[1], 'event', 'scopes', 'buckets')
  redis.call('PEXPIRE', K[1], A[7])
  if to == 'C' then return {0, ''} end
  return {0, redis.call('XADD', K[3], '*', 'id', A[1], 'kind', to == 'R' and 'reaped' or 'final', 'event', A[6])}
end

-- progress: what a running stream has cost so far, so that a dead worker's request is charged for what it delivered.
-- KEYS r:{s}:<rid>   ARGV gen owner cost event
local function progress(K, A)
  local gen = redis.call('HGET', beside('e:', K[1]), 'gen')
  if gen ~= A[1] then return {3, gen or ''} end
  local v = redis.call('HMGET', K[1], 'st', 'owner')
  if v[1] ~= 'O' or v[2] ~= A[2] then return {8, v[1] or ''} end
  redis.call('HSET', K[1], 'cost', A[3], 'event', A[4])
  return {0}
end
