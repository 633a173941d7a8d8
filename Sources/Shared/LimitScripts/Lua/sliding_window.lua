-- A sliding window of requests and tokens after a scope's counters: SLOTS buckets of BUCKET_MS. A bucket is dropped
-- only when all of it is older than 60 s, so no span of 60 s exceeds the limit. NEWEST holds the number of the newest
-- bucket, followed by SLOTS counts of requests and SLOTS counts of tokens.
local SLOTS, BUCKET_MS, NEWEST = 13, 5000, COUNTERS + 1
local REQUEST_SLOTS, TOKEN_SLOTS = NEWEST + 1, NEWEST + 1 + SLOTS

-- Brings the window to the present; returns the requests and the tokens in it.
local function advance_window(scope, now)
  local current, newest = math.floor(now / BUCKET_MS), scope[NEWEST]
  -- Idle for longer than the window, or a clock that went back by more than 10 s (a failover): start from zero.
  if not newest or current - newest >= SLOTS or newest - current > 2 then
    scope[NEWEST] = current
    for i = REQUEST_SLOTS, REQUEST_SLOTS + 2 * SLOTS - 1 do scope[i] = 0 end
    return 0, 0
  end
  for bucket = newest + 1, current do
    scope[REQUEST_SLOTS + bucket % SLOTS], scope[TOKEN_SLOTS + bucket % SLOTS] = 0, 0
  end
  if current > newest then scope[NEWEST] = current end
  local requests, tokens = 0, 0
  for i = 0, SLOTS - 1 do
    requests, tokens = requests + scope[REQUEST_SLOTS + i], tokens + scope[TOKEN_SLOTS + i]
  end
  return requests, tokens
end

-- Milliseconds until `need` units have left the window; `slots` is where their counts begin.
local function window_wait_ms(scope, slots, now, need)
  for bucket = scope[NEWEST] - SLOTS + 1, scope[NEWEST] do
    need = need - scope[slots + bucket % SLOTS]
    if need <= 0 then return math.max(1, (bucket + SLOTS) * BUCKET_MS - now) end
  end
  return SLOTS * BUCKET_MS
end

-- Adds to a bucket that is still inside the window. A count never becomes negative: after a clock went back, a refund
-- may belong to a window that has been reset since.
local function add_to_window(scope, bucket, requests, tokens)
  local newest = scope[NEWEST]
  if not newest or newest - bucket >= SLOTS or bucket > newest then return end
  local i = bucket % SLOTS
  scope[REQUEST_SLOTS + i] = math.max(0, scope[REQUEST_SLOTS + i] + requests)
  scope[TOKEN_SLOTS + i] = math.max(0, scope[TOKEN_SLOTS + i] + tokens)
end

-- Removes the request unit that an early admission took in scope `i`. The caller counts the request again.
local function remove_unit(scope, request, i)
  local month, day = periods_of(request.periods, i)
  add_to_periods(scope, month, day, 0, 0, -1)
end

-- Removes everything that an early admission took in scope `i`: the unit, the concurrency slot and its place in the
-- window.
local function undo_early_admission(scope, request, i)
  remove_unit(scope, request, i)
  scope[OPEN] = math.max(0, scope[OPEN] - 1)
  add_to_window(scope, request.bucket, -1, 0)
end
