-- A rolling minute of requests and tokens: RING + 1 buckets, so that the oldest is dropped whole before it is 60 s old.

-- Returns the current bucket, requests and tokens in the window, and the fields to clear ('all' = start afresh).
local function ring(key, now)
  local v = redis.call('HMGET', key, 'b', 'rs', 'ts')
  local current = math.floor(now / BUCKET_MS)
  local newest, requests, tokens = tonumber(v[1]), tonumber(v[2]) or 0, tonumber(v[3]) or 0
  if not newest then return current, 0, 0, {} end
  -- Idle for longer than the window, or a clock that went back by more than 10 s (a failover): start afresh.
  if current - newest > RING or newest - current > 2 then return current, 0, 0, 'all' end
  if current < newest then current = newest end
  local stale = {}
  for i = newest + 1, current do
    stale[#stale + 1] = 'r' .. (i % (RING + 1))
    stale[#stale + 1] = 't' .. (i % (RING + 1))
  end
  if #stale > 0 then
    local old = redis.call('HMGET', key, unpack(stale))
    for i = 1, #old, 2 do
      requests = requests - (tonumber(old[i]) or 0)
      tokens = tokens - (tonumber(old[i + 1]) or 0)
    end
  end
  return current, requests, tokens, stale
end

-- How long until `need` units have left the window.
local function ring_wait(key, bucket, now, field, need)
  for i = bucket - RING, bucket do
    need = need - (tonumber(redis.call('HGET', key, field .. (i % (RING + 1)))) or 0)
    if need <= 0 then return math.max(1, (i + RING + 1) * BUCKET_MS - now) end
  end
  return RING * BUCKET_MS
end

local function ring_take(key, state, tokens)
  if state.stale == 'all' then redis.call('DEL', key)
  elseif #state.stale > 0 then redis.call('HDEL', key, unpack(state.stale)) end
  local slot = state.bucket % (RING + 1)
  redis.call('HSET', key, 'b', int(state.bucket), 'rs', int(state.requests + 1), 'ts', int(state.tokens + tokens))
  redis.call('HINCRBY', key, 'r' .. slot, 1)
  redis.call('HINCRBY', key, 't' .. slot, int(tokens))
  redis.call('PEXPIRE', key, 120000)
end

-- Corrects a bucket that is still inside the window.
local function ring_correct(key, bucket, requests, tokens)
  local newest = tonumber(redis.call('HGET', key, 'b'))
  if not newest or newest - bucket > RING then return end
  local slot = bucket % (RING + 1)
  if requests ~= 0 then
    redis.call('HINCRBY', key, 'rs', int(requests))
    redis.call('HINCRBY', key, 'r' .. slot, int(requests))
  end
  if tokens ~= 0 then
    redis.call('HINCRBY', key, 'ts', int(tokens))
    redis.call('HINCRBY', key, 't' .. slot, int(tokens))
  end
end
