-- heartbeat: a worker is alive, by Redis's clock. KEYS hb:{s}   ARGV owner   Reply {now, gen, run}
local function heartbeat(K, A)
  local now = now_ms()
  redis.call('HSET', K[1], A[1], int(now))
  local fence = redis.call('HMGET', beside('e:', K[1]), 'gen', 'run')
  return {int(now), fence[1] or '', fence[2] or ''}
end

-- A worker that says goodbye: its holds are settled, nobody needs to wait for it. KEYS hb:{s}   ARGV owner
local function farewell(K, A)
  redis.call('HDEL', K[1], A[1])
  return {0}
end

-- sweep: the open holds nobody will settle any more, because their deadline passed or their worker fell silent.
-- KEYS o:{s} hb:{s}   ARGV silent_ms limit   Reply: per hold {rid, owner, at, cost, est, hold, event, periods, scope keys}
local function sweep(K, A)
  local now, silent, limit, tag = now_ms(), tonumber(A[1]), tonumber(A[2]), string.match(K[1], '%b{}')
  local beats, alive, dead = redis.call('HGETALL', K[2]), {}, {}
  for i = 1, #beats, 2 do
    if now - tonumber(beats[i + 1]) <= silent then alive[beats[i]] = true else dead[#dead + 1] = beats[i] end
  end
  local found, holders = {}, {}
  local open = redis.call('ZRANGE', K[1], 0, -1, 'WITHSCORES')
  for i = 1, #open, 2 do
    if #found >= limit then break end
    local v = redis.call('HMGET', 'r:' .. tag .. ':' .. open[i],
      'owner', 'at', 'cost', 'est', 'hold', 'event', 'periods', 'scopes')
    if not v[1] then
      redis.call('ZREM', K[1], open[i])
    else
      local orphan = not alive[v[1]] and now - tonumber(v[2]) > silent
      if orphan or tonumber(open[i + 1]) < now then
        found[#found + 1] = {open[i], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8]}
        holders[v[1]] = true
      end
    end
  end
  for _, owner in ipairs(dead) do
    if not holders[owner] then redis.call('HDEL', K[2], owner) end
  end
  return found
end
