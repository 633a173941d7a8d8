-- One scope's counters: an array, read with one call and written with one. A period has five places. MONTH and DAY are
-- the current month and day; LAST_MONTH and LAST_DAY the previous ones, where holds that were taken in them still
-- settle.
local MONTH, DAY, LAST_MONTH, LAST_DAY, OPEN = 1, 6, 11, 16, 21
local PERIOD, SPENT, SPENT_HIGH, RESERVED, REQUESTS = 0, 1, 2, 3, 4
-- The sliding window follows OPEN: see sliding_window.lua.
local COUNTERS = 21
-- Spent money has two places, because a Lua number is exact only up to 2^53: SPENT_HIGH counts units of BASE. No single
-- amount exceeds AMOUNT_MAX ($ 8 million), so every intermediate sum is exact.
local BASE, AMOUNT_MAX = 1e15, 8e15

-- The counters of a scope; zeros for one that Redis does not have.
local function load_scope(key)
  local packed = redis.call('GET', key)
  if packed then return cmsgpack.unpack(packed) end
  local scope = {}
  for i = 1, COUNTERS do scope[i] = 0 end
  return scope
end

local function store_scope(key, scope) redis.call('SET', key, cmsgpack.pack(scope)) end

-- An amount of nano-USD from an argument, at most AMOUNT_MAX.
local function parse_amount(text) return math.min(tonumber(text), AMOUNT_MAX) end

-- A decimal number of nano-USD as units of BASE and the rest; exact for any size.
local function split_money(text)
  if #text <= 15 then return 0, tonumber(text) end
  return tonumber(string.sub(text, 1, -16)), tonumber(string.sub(text, -15))
end

-- Adds to the money spent in the period at `at`, and carries whole units of BASE.
local function add_spent(scope, at, nano)
  local sum = scope[at + SPENT] + nano
  if sum >= BASE or sum < 0 then
    local units = math.floor(sum / BASE)
    scope[at + SPENT_HIGH], sum = scope[at + SPENT_HIGH] + units, sum - units * BASE
  end
  scope[at + SPENT] = sum
end

-- What is left of a limit (high, low); exact whenever it is close to the amount of a request.
local function left_of(high, low, scope, at)
  return (high - scope[at + SPENT_HIGH]) * BASE + (low - scope[at + SPENT]) - scope[at + RESERVED]
end

-- Money (units of BASE, rest) as decimal text.
local function format_money(high, low)
  if high == 0 then return int(low) end
  return int(high) .. string.format('%015d', low)
end

-- Starts the period `current` at `at` and moves the one that ended to `before`. Periods only move forward: when the
-- clock steps back, counting continues in the newer one.
local function begin_period(scope, at, before, current)
  if scope[at] >= current then return end
  local has_begun = scope[at] > 0
  for i = 0, 4 do
    if has_begun then scope[before + i] = scope[at + i] end
    scope[at + i] = 0
  end
  scope[at] = current
end

-- Brings the month and the day of a scope to the present.
local function advance_periods(scope, now)
  local month, day = month_and_day(now)
  begin_period(scope, MONTH, LAST_MONTH, month)
  begin_period(scope, DAY, LAST_DAY, day)
end

-- The place of the named period, or nil when it is no longer kept. A period that the scope does not have yet is begun,
-- because an admission named it. After a loss the previous period may be unknown while its requests still settle: it is
-- then begun in `before`.
local function find_period(scope, at, before, period)
  begin_period(scope, at, before, period)
  if scope[at] == period then return at end
  if scope[before] == 0 and period < scope[at] then scope[before] = period end
  if scope[before] == period then return before end
end

-- The periods of a request that Redis does not know, as its worker names them. A period that no admission has begun,
-- and that lies further ahead of Redis's clock than two clocks may differ, is replaced by the current one: beginning it
-- would end the current period for everybody in the scope.
local AHEAD_MS = 300000
local function plausible_periods(scope, month, day)
  if not month then return end
  local latest_month, latest_day = month_and_day(now_ms() + AHEAD_MS)
  if month <= math.max(latest_month, scope[MONTH]) and day <= math.max(latest_day, scope[DAY]) then
    return month, day
  end
  local now_month, now_day = month_and_day(now_ms())
  return math.max(now_month, scope[MONTH]), math.max(now_day, scope[DAY])
end

-- Adds to the periods in which a request was admitted.
local function add_to_periods(scope, month, day, reserved, spent, requests)
  if reserved == 0 and spent == 0 and requests == 0 then return end
  -- The request was not admitted in this scope: the plan of its key changed since.
  if not month then return end
  for i = 1, 2 do
    local at
    if i == 1 then
      at = find_period(scope, MONTH, LAST_MONTH, month)
    else
      at = find_period(scope, DAY, LAST_DAY, day)
    end
    if at then
      scope[at + RESERVED], scope[at + REQUESTS] = scope[at + RESERVED] + reserved, scope[at + REQUESTS] + requests
      if spent ~= 0 then add_spent(scope, at, spent) end
    end
  end
end
