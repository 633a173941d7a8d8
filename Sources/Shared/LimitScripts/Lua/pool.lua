-- A pool is the shared daily budget of a plan: what all of its orgs together may spend in a UTC day. Each shard has a
-- share of it, so that an admission touches one slot. The control plane divides the pool and ensures that the shares of
-- a day never add up to more than the plan's budget. To the limiter a pool is a scope like a key or an org, named
-- pool:<plan> and always the last one; its limit on the day's money is the share.
-- c:{s} has a field pool:<plan>:<yyyymmdd>: "version share confirmation dry". The version only rises, so that a late
-- call changes nothing. The confirmation names the Redis run ID and the generation for which the share is valid:
-- another process may have lost a reduction, so it admits nothing until the share is confirmed again. dry is 1 when
-- nothing of the pool is left to distribute.
local SHARE = '^(%d+) (%d+) (%S+) ([01])$'

local function is_pool(name) return string.sub(name, 1, 5) == 'pool:' end

local function share_field(name, day) return name .. ':' .. int(day) end

local function current_run_id() return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') end

-- What a share must be confirmed for; nil for a shard whose counters are lost.
local function confirmation_for(run_id, generation) return run_id and generation and run_id .. '.' .. generation end

-- A share as a limit (high, low) and whether the pool is dry; nil without a share, or if it is confirmed for something
-- else.
local function share_of(text, confirmation)
  local _, nano, confirmed, dry = string.match(text or '', SHARE)
  if not nano or confirmed ~= confirmation then return end
  local high, low = split_money(nano)
  return high, low, dry == '1'
end

-- Records the newest refusal of a pool: when, and the least amount that was asked for.
local WANTED_MS = 60000
local WANTED_KEPT_MS = 900000
local function note_pool_refusal(hold_key, name, now, nano)
  redis.call('SET', string.match(hold_key, '^h:%b{}:') .. 'refused:' .. name,
    cmsgpack.pack({now, nano}), 'PX', int(WANTED_KEPT_MS))
end

-- What a pool has spent and reserved on a day, and what it has spent; the day may be the current or the previous one.
local function used_on(scope, day)
  for _, at in ipairs({DAY, LAST_DAY}) do
    if scope[at] == day then
      return scope[at + SPENT_HIGH] * BASE + scope[at + SPENT] + scope[at + RESERVED],
        scope[at + SPENT_HIGH] * BASE + scope[at + SPENT]
    end
  end
  return 0, 0
end

-- share: sets what a pool may spend in this shard on a day. With `shrink` the share is reduced, but never below what is
-- spent and reserved. That is done only in a process that admissions are open in (before, holds may be missing), to a
-- share of the version before that is confirmed for this process.
-- KEYS c:{s} b:{s}:pool:<plan>   ARGV name day version nano dry(0|1) confirmation shrink(0|1)
-- Replies: {0, version, share} · {1, version, share} another version is in place · {2} not this generation, or not now
local function set_share(keys, args)
  local field, version, new_share = share_field(args[1], tonumber(args[2])), tonumber(args[3]), tonumber(args[4])
  local run_id = current_run_id()
  if confirmation_for(run_id, redis.call('HGET', keys[1], 'gen')) ~= args[6] then return {2} end
  local current_version, current_share, confirmed = string.match(redis.call('HGET', keys[1], field) or '', SHARE)
  current_version, current_share = tonumber(current_version) or -1, tonumber(current_share) or 0
  if current_version > version then return {1, int(current_version), int(current_share)} end
  if args[7] == '1' then
    if confirmed ~= args[6] or current_version < version - 1 then
      return {1, int(current_version), int(current_share)}
    end
    if redis.call('HGET', sibling_key('run:', keys[1]), 'open') ~= run_id then return {2} end
    -- A late settle after a reap may have spent more than the share: the share does not grow by that.
    new_share = math.min(current_share, math.max(new_share, (used_on(load_scope(keys[2]), tonumber(args[2])))))
  elseif current_version == version then
    new_share = math.min(new_share, current_share)
  end
  redis.call('HSET', keys[1], field, int(version) .. ' ' .. int(new_share) .. ' ' .. args[6] .. ' ' .. args[5])
  return {0, int(version), int(new_share)}
end

-- pool: the state of a pool in this shard today. KEYS c:{s} b:{s}:pool:<plan>   ARGV name
-- Reply {now, day, spent, spent and reserved, requests, version (-1: no share), share, what it is confirmed for, dry,
--   time of the newest refusal (0: none lately), the least that was asked for, the confirmation valid now ('': none)}
local function read_pool(keys, args)
  local now = now_ms()
  local _, day = month_and_day(now)
  local scope = load_scope(keys[2])
  local used, spent = used_on(scope, day)
  local version, current_share, confirmed, dry =
    string.match(redis.call('HGET', keys[1], share_field(args[1], day)) or '', SHARE)
  local noted = redis.call('GET', 'h:' .. string.match(keys[1], '%b{}') .. ':refused:' .. args[1])
  local refusal = noted and cmsgpack.unpack(noted)
  if not refusal or now - refusal[1] > WANTED_MS then refusal = {0, 0} end
  return {
    int(now), int(day), int(spent), int(used), int(scope[DAY] == day and scope[DAY + REQUESTS] or 0),
    version or '-1', current_share or '0', confirmed or '', dry or '0', int(refusal[1]), int(refusal[2]),
    confirmation_for(current_run_id(), redis.call('HGET', keys[1], 'gen')) or '',
  }
end
