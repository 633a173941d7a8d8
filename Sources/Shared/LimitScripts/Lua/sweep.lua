-- heartbeat: records that owners are alive, by Redis's clock. `cut` marks owners that currently admit requests without
-- Redis.
-- KEYS hb:{s}   ARGV owner cut(0|1) …   Reply {now, gen, revision of this library}
local function heartbeat(keys, args)
  local now, fields = now_ms(), {}
  for i = 1, #args, 2 do
    fields[i], fields[i + 1] = args[i], args[i + 1] == '1' and int(now) .. '!' or int(now)
  end
  redis.call('HSET', keys[1], unpack(fields))
  return {int(now), redis.call('HGET', sibling_key('c:', keys[1]), 'gen') or '', REVISION}
end

-- farewell: deregisters owners that shut down in order: their holds are settled, and nobody needs to wait for them.
-- KEYS hb:{s}   ARGV owner …   Reply {0}
local function deregister(keys, args)
  redis.call('HDEL', keys[1], unpack(args))
  return {0}
end

-- The time of a heartbeat, without the mark of an owner that is cut off.
local function heartbeat_time(value) return tonumber((string.gsub(value, '!', ''))) or 0 end

-- sweep: finds open holds that nobody will settle, because their deadline has passed or their worker is silent. It also
-- forgets silent owners without open holds, and index entries without an open record.
-- KEYS o:{s} hb:{s}   ARGV silent_ms limit whole(0|1: look at every hold)
-- Reply: per hold {rid, owner, at, cost, hold, event, periods}, and '1' after those for early admissions, which are to
--   be cancelled (B)
local function sweep(keys, args)
  local now, silent, limit, tag = now_ms(), tonumber(args[1]), tonumber(args[2]), string.match(keys[1], '%b{}')
  local beats, alive, dead = redis.call('HGETALL', keys[2]), {}, {}
  for i = 1, #beats, 2 do
    if now - heartbeat_time(beats[i + 1]) <= silent then alive[beats[i]] = true else dead[#dead + 1] = beats[i] end
  end
  -- While all owners are alive, only a passed deadline can orphan a hold; but an owner may never have sent a heartbeat.
  local open = (#dead > 0 or args[3] == '1') and redis.call('ZRANGE', keys[1], 0, -1, 'WITHSCORES')
    or redis.call('ZRANGE', keys[1], '-inf', int(now), 'BYSCORE', 'LIMIT', 0, limit, 'WITHSCORES')
  local orphans, holders = {}, {}
  for i = 1, #open, 2 do
    if #orphans >= limit then return orphans end
    local request = read_record('h:' .. tag .. ':' .. open[i])
    if not request or request.st ~= 'O' then
      redis.call('ZREM', keys[1], open[i])
    else
      -- An owner is not forgotten while it has a hold, even one that is too young to be reaped.
      if not alive[request.owner] then holders[request.owner] = true end
      local is_orphan = not alive[request.owner] and now - request.at > silent
      if is_orphan or tonumber(open[i + 1]) < now then
        orphans[#orphans + 1] = {
          open[i], request.owner, int(request.at), int(request.cost), int(request.hold), request.event, request.periods,
          request.begun and '1',
        }
      end
    end
  end
  for _, owner in ipairs(dead) do
    if not holders[owner] then redis.call('HDEL', keys[2], owner) end
  end
  return orphans
end
