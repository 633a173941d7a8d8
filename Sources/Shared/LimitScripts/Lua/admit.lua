-- admit: may this request start? Takes what it may cost out of every scope at once, or nothing.
-- KEYS  h:{s}:<rid>  o:{s}  then per scope b:{s}:<scope>
-- ARGV  rid gen run owner ttl_ms est_tokens hold hold_min floor_cost event limits
-- What `begin` took for the same rid is part of it: it is taken out and judged with the rest; where the rest is refused it stays.
-- The hold is the wanted one, or what is left of the money where that is less, but not less than hold_min.
-- Replies: {0, now, periods, hold, money left beside it (-1: no limit), rpm limit, left, reset ms, tpm limit, left, reset ms}
--   1 already admitted (now, periods, hold) · 2 stale version · 3 fenced (gen, run) · 8 closed · otherwise
--   {code, now, scope, window, limit, used, reserved, wait_ms}: 4 rpm · 5 tpm · 6 quota · 7 money · 9 larger than tpm
--   · 10 concurrency · 11 money held by running requests, or a pool's share that may grow · {12, now} a pool's share is not known here
-- The last scope may be a pool: see pool.lua.

-- `limits` is a MessagePack array with one array per scope; -1 is no limit; money as (units of BASE, rest).
local NAME, VERSION, RPM, TPM, CONCURRENCY, RPD, RPMONTH, DAY, MONTH = 1, 2, 3, 4, 5, 6, 7, 8, 10

local function refused(code, now, i, name, limit, used, reserved, wait)
  return {code, int(now), i, name, limit, used, int(reserved), int(wait or 0)}
end

-- The newest refusals of a key, oldest first, each a rid and the refusal as words: what `GET /v1/me/requests/{id}` says of
-- them. No counter is touched by a refusal.
local REFUSALS_MAX, REFUSALS_MS = 32, 900000
local function refusals_of(hold_key, name)
  return string.match(hold_key, '^h:%b{}:') .. 'refused:' .. name
end

local function note_refusal(hold_key, name, rid, refusal)
  local key = refusals_of(hold_key, name)
  local packed = redis.call('GET', key)
  local list = packed and cmsgpack.unpack(packed) or {}
  if #list >= REFUSALS_MAX * 2 then
    table.remove(list, 1)
    table.remove(list, 1)
  end
  list[#list + 1], list[#list + 2] = rid, table.concat(refusal, ' ')
  redis.call('SET', key, cmsgpack.pack(list), 'PX', int(REFUSALS_MS))
  return refusal
end

-- A reason to refuse before money is looked at, or nil.
local function count_refusal(i, s, l, requests, tokens, est, now)
  local function count(code, name, limit, used, reserved, wait)
    return refused(code, now, i, name, int(limit), int(used), reserved, wait)
  end
  if l[RPM] >= 0 and requests + 1 > l[RPM] then
    return count(4, 'requests_per_minute', l[RPM], requests, 0, ring_wait(s, REQUEST_SLOTS, now, requests + 1 - l[RPM]))
  end
  if l[TPM] >= 0 and tokens + est > l[TPM] then
    return count(est > l[TPM] and 9 or 5, 'tokens_per_minute', l[TPM], tokens, est,
      ring_wait(s, TOKEN_SLOTS, now, tokens + est - l[TPM]))
  end
  if l[CONCURRENCY] >= 0 and s[OPEN] + 1 > l[CONCURRENCY] then
    return count(10, 'concurrent_requests', l[CONCURRENCY], s[OPEN], 0, 1000)
  end
  if l[RPD] >= 0 and s[D + REQUESTS] + 1 > l[RPD] then
    return count(6, 'requests_per_day', l[RPD], s[D + REQUESTS], 0)
  end
  if l[RPMONTH] >= 0 and s[M + REQUESTS] + 1 > l[RPMONTH] then
    return count(6, 'requests_per_month', l[RPMONTH], s[M + REQUESTS], 0)
  end
end

-- What is left of one limit on money, and the refusal when that is less than hold_min.
local function money_left(i, s, w, high, low, name, hold_min, now)
  if high < 0 then return math.huge end
  local left = left_of(high, low, s, w)
  if left >= hold_min then return left end
  local later = left + s[w + RESERVED] >= hold_min and s[w + RESERVED] > 0
  return left, refused(later and 11 or 7, now, i, name, money(high, low),
    money(s[w + SPENT_HIGH], s[w + SPENT]), s[w + RESERVED], later and 1000)
end

-- The same of a pool's share, of which its callers are told the plan's sum alone.
local function pool_refusal(K, i, l, s, left, hold_min, is_dry, now)
  note_want(K[1], l[NAME], now, hold_min)
  local is_held = left + s[D + RESERVED] >= hold_min and s[D + RESERVED] > 0
  local code = (is_held or not is_dry) and 11 or 7
  return refused(code, now, i, 'usd_per_day', money(l[DAY], l[DAY + 1]), '0', 0, code == 11 and 1000)
end

-- The shard's life, {2, name, version} when Redis has a newer version of a scope than named, and all that was read: for a pool its
-- share of the day it was admitted on (`named`, its periods), or of today.
local function stale(key, scopes, named)
  local names = {'gen'}
  for i, l in ipairs(scopes) do
    local day = is_pool(l[NAME]) and (named and select(2, periods_of(named, i)) or select(2, periods(now_ms())))
    names[i + 1] = day and share_field(l[NAME], day) or l[NAME]
  end
  local versions = redis.call('HMGET', beside('c:', key), unpack(names))
  for i, l in ipairs(scopes) do
    if not is_pool(l[NAME]) then
      local version = tonumber(versions[i + 1])
      if not version or version > l[VERSION] then return versions[1], {2, l[NAME], version and int(version) or ''}, versions end
    end
  end
  return versions[1], nil, versions
end

local function take(s, hold, est, has_minute)
  s[M + RESERVED], s[M + REQUESTS] = s[M + RESERVED] + hold, s[M + REQUESTS] + 1
  s[D + RESERVED], s[D + REQUESTS] = s[D + RESERVED] + hold, s[D + REQUESTS] + 1
  s[OPEN] = s[OPEN] + 1
  if has_minute then ring_add(s, s[NEWEST], 1, est) end
end

-- The tighter of two states of a limit {limit, left}.
local function tighter(a, limit, left)
  if limit < 0 or (a and a[2] <= left) then return a end
  return {limit, left}
end

local function admit(K, A)
  local limits = cmsgpack.unpack(A[11])
  local gen, old, found = stale(K[1], limits)
  local run = redis.call('HGET', beside('run:', K[1]), 'open')
  if gen ~= A[2] or run ~= A[3] then return {3, gen or '', run or ''} end
  local was = record(K[1])
  local begun = was and was.begun and was.st == 'O' and was.owner == A[4] and was
  if was and not begun then
    if was.st == 'O' and was.owner == A[4] then return {1, int(was.at), was.periods, int(was.hold)} end
    return {8, was.st}
  end
  if old then return old end

  local now, est, hold, hold_min = now_ms(), tonumber(A[6]), amount(A[7]), amount(A[8])
  local scopes, left, rpm, tpm, has_minute = {}, math.huge, nil, nil, {}
  for i, l in ipairs(limits) do
    local s, requests, tokens = load(K[i + 2]), 0, 0
    roll(s, now)
    if begun then unbegin(s, begun, i) end
    has_minute[i] = l[RPM] >= 0 or l[TPM] >= 0
    if has_minute[i] then requests, tokens = turn(s, now) end
    local refusal = count_refusal(i, s, l, requests, tokens, est, now)
    if refusal then return note_refusal(K[1], limits[1][NAME], A[1], refusal) end
    local high, low, is_dry = l[DAY], l[DAY + 1], nil
    local is_shared = high >= 0 and is_pool(l[NAME])
    if is_shared then
      -- What was written before a failover may still arrive here: `open` is as it was, and the share may be larger again.
      high, low, is_dry = share_of(found[i + 1], process() == run and life_of(run, gen))
      -- A clock that went back behind midnight: what it counts on is another day than the share is for.
      if not high or s[D] ~= select(2, periods(now)) then return {12, int(now)} end
    end
    local day, broke = money_left(i, s, D, high, low, 'usd_per_day', hold_min, now)
    if broke and is_shared then broke = pool_refusal(K, i, l, s, day, hold_min, is_dry, now) end
    if broke then return note_refusal(K[1], limits[1][NAME], A[1], broke) end
    local month
    month, broke = money_left(i, s, M, l[MONTH], l[MONTH + 1], 'usd_per_month', hold_min, now)
    if broke then return note_refusal(K[1], limits[1][NAME], A[1], broke) end
    left = math.min(left, day, month)
    rpm = tighter(rpm, l[RPM], l[RPM] - requests - 1)
    tpm = tighter(tpm, l[TPM], l[TPM] - tokens - est)
    scopes[i] = s
  end

  hold = math.min(hold, left)
  local named, bucket = '', 0
  for i, s in ipairs(scopes) do
    take(s, hold, est, has_minute[i])
    if has_minute[i] then bucket = s[NEWEST] end
    store(K[i + 2], s)
    named = named .. (i > 1 and ',' or '') .. int(s[M]) .. '/' .. int(s[D])
  end
  local ttl = tonumber(A[5])
  hold_open(K[1], {
    st = 'O', owner = A[4], at = now, deadline = now + ttl, hold = hold, est = est, cost = tonumber(A[9]), event = A[10],
    periods = named, bucket = bucket,
  })
  redis.call('ZADD', K[2], int(now + ttl), A[1])
  local reset = int((bucket + 1) * BUCKET_MS - now)
  return {0, int(now), named, int(hold), left == math.huge and '-1' or int(left - hold),
    rpm and int(rpm[1]) or '-1', rpm and int(rpm[2]) or '-1', rpm and reset or '0',
    tpm and int(tpm[1]) or '-1', tpm and int(tpm[2]) or '-1', tpm and reset or '0'}
end

-- begin: may the body of this request be read? Takes its unit of the request limits and its place among those that run, so that a caller
-- who is over them cannot make a worker read and parse what is large. admit with the same rid completes it, whatever it then needs; a
-- cancel gives back what was taken, and so does the sweeper when the worker is gone.
-- KEYS  h:{s}:<rid>  o:{s}  then per scope b:{s}:<scope>   ARGV  rid gen run owner ttl_ms event limits
-- Replies: {0, now} · {1, now} begun already · the rest as admit: {2, …} {3, …} {8, …}, {4, …} rpm and {10, …} concurrency

-- What of the limits is judged before the body is known: money, tokens and quotas may not matter for it, if its answer is in the cache.
local function of_the_moment(l)
  local judged = {}
  for i, value in ipairs(l) do judged[i] = value end
  judged[TPM], judged[RPD], judged[RPMONTH] = -1, -1, -1
  return judged
end

local function begin_early(K, A)
  local limits = cmsgpack.unpack(A[7])
  local gen, old = stale(K[1], limits)
  local run = redis.call('HGET', beside('run:', K[1]), 'open')
  if run ~= A[3] or gen ~= A[2] then return {3, gen or '', run or ''} end
  local was = record(K[1])
  if was and was.st == 'O' and was.begun and was.owner == A[4] then return {1, int(was.at)} end
  if was then return {8, was.st} end
  if old then return old end

  local now, scopes, has_minute = now_ms(), {}, {}
  for i, l in ipairs(limits) do
    local s, requests, tokens = load(K[i + 2]), 0, 0
    roll(s, now)
    has_minute[i] = l[RPM] >= 0 or l[TPM] >= 0
    if has_minute[i] then requests, tokens = turn(s, now) end
    local refusal = count_refusal(i, s, of_the_moment(l), requests, tokens, 0, now)
    if refusal then
      note_refusal(K[1], limits[1][NAME], A[1], refusal)
      return refusal
    end
    scopes[i] = s
  end

  local named, bucket = '', 0
  for i, s in ipairs(scopes) do
    take(s, 0, 0, has_minute[i])
    if has_minute[i] then bucket = s[NEWEST] end
    store(K[i + 2], s)
    named = named .. (i > 1 and ',' or '') .. int(s[M]) .. '/' .. int(s[D])
  end
  local ttl = tonumber(A[5])
  hold_open(K[1], {
    st = 'O', begun = true, owner = A[4], at = now, deadline = now + ttl, hold = 0, est = 0, cost = 0, event = A[6],
    periods = named, bucket = bucket,
  })
  redis.call('ZADD', K[2], int(now + ttl), A[1])
  return {0, int(now)}
end
