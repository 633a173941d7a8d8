-- A pool: what all orgs of a plan together may spend a UTC day. Each shard has a share of it, so that an admission touches one slot;
-- the control plane shares it out and sees to it that the shares of a day never sum up to more than the plan's sum. A pool is a
-- scope like a key or an org, named pool:<plan> and always the last one, whose limit on the day's money is the share.
-- c:{s} has a field pool:<plan>:<yyyymmdd>: "version share life dry". The version only rises, so that what arrives late changes
-- nothing. life is what it was confirmed for, the process of Redis and the life of the counters (gen) in it: another one may have lost
-- that it was made smaller, and lets nothing pass until it is confirmed again. dry is 1 when nothing is left to be shared out.
local SHARE = '^(%d+) (%d+) (%S+) ([01])$'

local function is_pool(name) return string.sub(name, 1, 5) == 'pool:' end

local function share_field(name, day) return name .. ':' .. int(day) end

local function process() return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') end

-- What a share is confirmed for: nil for a shard whose counters are lost.
local function life_of(run, gen) return run and gen and run .. '.' .. gen end

-- A share as a limit (high, low) and whether the pool is dry; nil when there is no share, or it was confirmed for another life.
local function share_of(text, life)
  local _, nano, confirmed, dry = string.match(text or '', SHARE)
  if not nano or confirmed ~= life then return end
  local high, low = halves(nano)
  return high, low, dry == '1'
end

-- The newest refusal of a pool: when, and the least that was asked for.
local WANTED_MS = 60000
local WANTED_KEPT_MS = 900000
local function note_want(hold_key, name, now, nano)
  redis.call('SET', string.match(hold_key, '^h:%b{}:') .. 'refused:' .. name, cmsgpack.pack({now, nano}), 'PX', int(WANTED_KEPT_MS))
end

-- What of a pool is spent and held on a day, in whichever window that is.
local function used_of(s, day)
  for _, w in ipairs({D, QD}) do
    if s[w] == day then return s[w + SPENT_HIGH] * BASE + s[w + SPENT] + s[w + RESERVED], s[w + SPENT_HIGH] * BASE + s[w + SPENT] end
  end
  return 0, 0
end

-- share: sets what a pool may spend here on a day. With `shrink` that is never less than what is spent and held, and it is done only in
-- a process that admissions are open in (before, holds may be missing), to a share confirmed for it and of the version before.
-- KEYS c:{s} b:{s}:pool:<plan>   ARGV name day version nano dry(0|1) life shrink(0|1)
-- Replies: {0, version, share} · {1, version, share} another version stands · {2} not this life, or not now
local function share(K, A)
  local field, version, wanted = share_field(A[1], tonumber(A[2])), tonumber(A[3]), tonumber(A[4])
  local run = process()
  if life_of(run, redis.call('HGET', K[1], 'gen')) ~= A[6] then return {2} end
  local was, held, confirmed = string.match(redis.call('HGET', K[1], field) or '', SHARE)
  was, held = tonumber(was) or -1, tonumber(held) or 0
  if was > version then return {1, int(was), int(held)} end
  if A[7] == '1' then
    if confirmed ~= A[6] or was < version - 1 then return {1, int(was), int(held)} end
    if redis.call('HGET', beside('run:', K[1]), 'open') ~= run then return {2} end
    -- A late word after a reap may have spent more than the share: it does not grow by that.
    wanted = math.min(held, math.max(wanted, (used_of(load(K[2]), tonumber(A[2])))))
  elseif was == version then
    wanted = math.min(wanted, held)
  end
  redis.call('HSET', K[1], field, int(version) .. ' ' .. int(wanted) .. ' ' .. A[6] .. ' ' .. A[5])
  return {0, int(version), int(wanted)}
end

-- pool: how a pool stands here today. KEYS c:{s} b:{s}:pool:<plan>   ARGV name
-- Reply {now, day, spent, spent and held, requests, version (-1: no share), share, the life it holds in, dry, when it last refused (0:
--   not lately), what at least was asked for, the life of now ('': none)}
local function pool(K, A)
  local now = now_ms()
  local _, day = periods(now)
  local s = load(K[2])
  local used, spent = used_of(s, day)
  local version, held, confirmed, dry = string.match(redis.call('HGET', K[1], share_field(A[1], day)) or '', SHARE)
  local noted = redis.call('GET', 'h:' .. string.match(K[1], '%b{}') .. ':refused:' .. A[1])
  local want = noted and cmsgpack.unpack(noted)
  if not want or now - want[1] > WANTED_MS then want = {0, 0} end
  return {
    int(now), int(day), int(spent), int(used), int(s[D] == day and s[D + REQUESTS] or 0), version or '-1', held or '0', confirmed or '',
    dry or '0', int(want[1]), int(want[2]), life_of(process(), redis.call('HGET', K[1], 'gen')) or '',
  }
end
