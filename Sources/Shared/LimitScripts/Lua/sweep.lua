-- heartbeat: owners are alive, by Redis's clock. `cut` marks those that let requests in without asking Redis just now.
-- KEYS hb:{s}   ARGV owner cut(0|1) …   Reply {now, gen, revision of this library}
local function heartbeat(K, A)
  local now, set = now_ms(), {}
  for i = 1, #A, 2 do
    set[i], set[i + 1] = A[i], A[i + 1] == '1' and int(now) .. '!' or int(now)
  end
  redis.call('HSET', K[1], unpack(set))
  return {int(now), redis.call('HGET', beside('c:', K[1]), 'gen') or '', REVISION}
end

-- Owners that say goodbye: their holds are settled, nobody needs to wait for them. KEYS hb:{s}   ARGV owner …
local function farewell(K, A)
  redis.call('HDEL', K[1], unpack(A))
  return {0}
end

local function heard(beat) return tonumber((string.gsub(beat, '!', ''))) or 0 end

-- sweep: the open holds nobody will settle any more, because their deadline passed or their worker fell silent.
-- KEYS o:{s} hb:{s}   ARGV silent_ms limit whole(0|1: look at every hold)   Reply: per hold {rid, owner, at, cost, hold, event, periods}
--   and '1' behind those that only began: they are to be taken back (B)
local function sweep(K, A)
  local now, silent, limit, tag = now_ms(), tonumber(A[1]), tonumber(A[2]), string.match(K[1], '%b{}')
  local beats, alive, dead = redis.call('HGETALL', K[2]), {}, {}
  for i = 1, #beats, 2 do
    if now - heard(beats[i + 1]) <= silent then alive[beats[i]] = true else dead[#dead + 1] = beats[i] end
  end
  -- While all owners live, only a passed deadline can make an orphan; but an owner may never have given a sign of life.
  local open = (#dead > 0 or A[3] == '1') and redis.call('ZRANGE', K[1], 0, -1, 'WITHSCORES')
    or redis.call('ZRANGE', K[1], '-inf', int(now), 'BYSCORE', 'LIMIT', 0, limit, 'WITHSCORES')
  local found, holders = {}, {}
  for i = 1, #open, 2 do
    if #found >= limit then return found end
    local r = record('h:' .. tag .. ':' .. open[i])
    if not r or r.st ~= 'O' then
      redis.call('ZREM', K[1], open[i])
    else
      -- Too young to be taken yet: its owner is not forgotten before it is.
      if not alive[r.owner] then holders[r.owner] = true end
      local orphan = not alive[r.owner] and now - r.at > silent
      if orphan or tonumber(open[i + 1]) < now then
        found[#found + 1] = {
          open[i], r.owner, int(r.at), int(r.cost), int(r.hold), r.event, r.periods, r.begun and '1',
        }
      end
    end
  end
  for _, owner in ipairs(dead) do
    if not holders[owner] then redis.call('HDEL', K[2], owner) end
  end
  return found
end
