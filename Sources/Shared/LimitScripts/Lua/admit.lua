-- admit: may this request start? Takes its worst case out of every scope at once, or nothing.
-- KEYS  r:{s}:<rid>  o:{s}  then per scope b:{s}:<scope> w:{s}:<scope>
-- ARGV  rid gen run owner ttl_ms est_tokens hold floor_cost event  then SCOPE_ARGS per scope
-- Replies: {0, now, periods, rpm limit, rpm left, rpm reset, tpm limit, tpm left, tpm reset, money left}
--   1 already admitted · 2 stale version · 3 fenced · 8 closed · otherwise
--   {code, now, scope, window, limit, used, reserved, wait_ms}: 4 rpm · 5 tpm · 6 quota · 7 money · 9 larger than tpm
--   · 10 concurrency · 11 money held by running requests
local HEAD = 9

local function money_refusal(c, w, limit, hold)
  local at = c[w]
  if limit < 0 or at.spent + at.reserved + hold <= limit then return nil end
  return at.spent + hold <= limit and at.reserved > 0 and 11 or 7
end

local function scope_refusal(i, s, est, hold, now)
  local function refuse(code, window, limit, used, reserved, wait)
    return {code, int(now), i, window, int(limit), int(used), int(reserved), int(wait or 0)}
  end
  if s.rpm >= 0 and s.requests + 1 > s.rpm then
    return refuse(4, 'requests_per_minute', s.rpm, s.requests, 0,
      ring_wait(s.ring, s.bucket, now, 'r', s.requests + 1 - s.rpm))
  end
  if s.tpm >= 0 and s.tokens + est > s.tpm then
    return refuse(est > s.tpm and 9 or 5, 'tokens_per_minute', s.tpm, s.tokens, est,
      ring_wait(s.ring, s.bucket, now, 't', s.tokens + est - s.tpm))
  end
  if s.concurrency >= 0 and s.c.open + 1 > s.concurrency then
    return refuse(10, 'concurrent_requests', s.concurrency, s.c.open, 0, 1000)
  end
  if s.rpd >= 0 and s.c.d.requests + 1 > s.rpd then
    return refuse(6, 'requests_per_day', s.rpd, s.c.d.requests, 0)
  end
  if s.rpmonth >= 0 and s.c.m.requests + 1 > s.rpmonth then
    return refuse(6, 'requests_per_month', s.rpmonth, s.c.m.requests, 0)
  end
  local code = money_refusal(s.c, 'd', s.day, hold)
  if code then return refuse(code, 'usd_per_day', s.day, s.c.d.spent, s.c.d.reserved, code == 11 and 1000) end
  code = money_refusal(s.c, 'm', s.month, hold)
  if code then return refuse(code, 'usd_per_month', s.month, s.c.m.spent, s.c.m.reserved, code == 11 and 1000) end
end

local function tightest(scopes, limit, used, reset)
  local best
  for _, s in ipairs(scopes) do
    if s[limit] >= 0 and (not best or s[limit] - s[used] < best[limit] - best[used]) then best = s end
  end
  if not best then return '-1', '-1', '0' end
  return int(best[limit]), int(best[limit] - best[used]), int(reset(best))
end

local function money_left(scopes, hold)
  local left = -1
  for _, s in ipairs(scopes) do
    for w, limit in pairs({m = s.month, d = s.day}) do
      local rest = limit - s.c[w].spent - s.c[w].reserved - hold
      if limit >= 0 and (left < 0 or rest < left) then left = rest end
    end
  end
  return int(left)
end

local function admit(K, A)
  local fence = redis.call('HMGET', beside('e:', K[1]), 'gen', 'run')
  if fence[1] ~= A[2] or fence[2] ~= A[3] then return {3, fence[1] or '', fence[2] or ''} end
  local was = redis.call('HMGET', K[1], 'st', 'owner', 'at', 'periods')
  if was[1] == 'O' and was[2] == A[4] then return {1, was[3], was[4]} end
  if was[1] then return {8, was[1]} end

  local now, est, hold = now_ms(), tonumber(A[6]), tonumber(A[7])
  local scopes, names = {}, {}
  for i = 1, (#A - HEAD) / SCOPE_ARGS do
    local a = HEAD + (i - 1) * SCOPE_ARGS
    local version = tonumber(redis.call('HGET', beside('c:', K[1]), A[a + 1]))
    if not version or version > tonumber(A[a + 2]) then return {2, A[a + 1], version and int(version) or ''} end
    local s = {
      key = K[1 + i * 2], ring = K[2 + i * 2], rpm = tonumber(A[a + 3]), tpm = tonumber(A[a + 4]),
      concurrency = tonumber(A[a + 5]), rpd = tonumber(A[a + 6]), rpmonth = tonumber(A[a + 7]),
      day = tonumber(A[a + 8]), month = tonumber(A[a + 9]), requests = 0, tokens = 0, bucket = 0,
    }
    s.c, s.ringed = counters(s.key, now), s.rpm >= 0 or s.tpm >= 0
    if s.ringed then s.bucket, s.requests, s.tokens, s.stale = ring(s.ring, now) end
    local refusal = scope_refusal(i, s, est, hold, now)
    if refusal then return refusal end
    scopes[i], names[i] = s, int(s.c.m.period) .. '/' .. int(s.c.d.period)
  end

  local left, bucket = money_left(scopes, hold), {}
  for i, s in ipairs(scopes) do
    roll(s.key, s.c)
    for _, w in ipairs(WINDOWS) do
      redis.call('HINCRBY', s.key, w .. 'r', A[7])
      redis.call('HINCRBY', s.key, w .. 'n', 1)
    end
    redis.call('HINCRBY', s.key, 'open', 1)
    if s.ringed then ring_take(s.ring, s, est); s.requests, s.tokens = s.requests + 1, s.tokens + est end
    bucket[i] = s.ringed and int(s.bucket) or ''
  end
  local named, ttl = table.concat(names, ','), tonumber(A[5])
  redis.call('HSET', K[1], 'st', 'O', 'owner', A[4], 'at', int(now), 'hold', A[7], 'est', A[6], 'cost', A[8],
    'event', A[9], 'periods', named, 'buckets', table.concat(bucket, ','), 'scopes', table.concat(K, ' ', 3))
  redis.call('PEXPIRE', K[1], int(ttl + 86400000))
  redis.call('ZADD', K[2], int(now + ttl), A[1])
  local function reset(s) return (s.bucket + 1) * BUCKET_MS - now end
  local rl, rr, rt = tightest(scopes, 'rpm', 'requests', reset)
  local tl, tr, tt = tightest(scopes, 'tpm', 'tokens', reset)
  return {0, int(now), named, rl, rr, rt, tl, tr, tt, left}
end
