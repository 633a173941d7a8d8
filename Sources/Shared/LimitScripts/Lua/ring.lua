-- A rolling minute of requests and tokens behind a scope's counters: SLOTS buckets of BUCKET_MS. A bucket is dropped only when
-- all of it is 60 s old, so no 60 s ever see more than the limit. At NEWEST the newest bucket's number, then
-- SLOTS counts of requests, then SLOTS counts of tokens.
local SLOTS, BUCKET_MS, NEWEST = 13, 5000, COUNTERS + 1
local REQUEST_SLOTS, TOKEN_SLOTS = NEWEST + 1, NEWEST + 1 + SLOTS

-- Brings the minute to the present; returns the requests and the tokens in it.
local function turn(s, now)
  local current, newest = math.floor(now / BUCKET_MS), s[NEWEST]
  -- Idle for longer than the window, or a clock that went back by more than 10 s (a failover): start afresh.
  if not newest or current - newest >= SLOTS or newest - current > 2 then
    s[NEWEST] = current
    for i = REQUEST_SLOTS, REQUEST_SLOTS + 2 * SLOTS - 1 do s[i] = 0 end
    return 0, 0
  end
  for bucket = newest + 1, current do
    s[REQUEST_SLOTS + bucket % SLOTS], s[TOKEN_SLOTS + bucket % SLOTS] = 0, 0
  end
  if current > newest then s[NEWEST] = current end
  local requests, tokens = 0, 0
  for i = 0, SLOTS - 1 do
    requests, tokens = requests + s[REQUEST_SLOTS + i], tokens + s[TOKEN_SLOTS + i]
  end
  return requests, tokens
end

-- How long until `need` units have left the window; `slots` is where their counts begin.
local function ring_wait(s, slots, now, need)
  for bucket = s[NEWEST] - SLOTS + 1, s[NEWEST] do
    need = need - s[slots + bucket % SLOTS]
    if need <= 0 then return math.max(1, (bucket + SLOTS) * BUCKET_MS - now) end
  end
  return SLOTS * BUCKET_MS
end

-- Adds to a bucket that is still inside the window; never takes out more than is there: after a clock went back, what is given
-- back may have been counted in a minute that was started afresh since.
local function ring_add(s, bucket, requests, tokens)
  local newest = s[NEWEST]
  if not newest or newest - bucket >= SLOTS or bucket > newest then return end
  local i = bucket % SLOTS
  s[REQUEST_SLOTS + i] = math.max(0, s[REQUEST_SLOTS + i] + requests)
  s[TOKEN_SLOTS + i] = math.max(0, s[TOKEN_SLOTS + i] + tokens)
end

-- unbegin takes what `begin` put into scope `i` for record `r` out again, uncount its unit alone. The caller counts the request again.
local function uncount(s, r, i)
  local month, day = periods_of(r.periods, i)
  charge(s, month, day, 0, 0, -1)
end

local function unbegin(s, r, i)
  uncount(s, r, i)
  s[OPEN] = math.max(0, s[OPEN] - 1)
  ring_add(s, r.bucket, -1, 0)
end
