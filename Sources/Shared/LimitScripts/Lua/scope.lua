-- One scope's counters: an array, read with one call and written with one. A window has five places, at M the month, at D
-- the day, at QM and QD the ones before them, where holds taken in them still settle.
local M, D, QM, QD, OPEN = 1, 6, 11, 16, 21
local PERIOD, SPENT, SPENT_HIGH, RESERVED, REQUESTS = 0, 1, 2, 3, 4
-- What follows OPEN is the rolling minute: see ring.lua.
local COUNTERS = 21
-- Spent money is kept in two places, since a Lua number is exact up to 2^53 only: SPENT_HIGH counts units of BASE. No single
-- amount is larger than AMOUNT_MAX ($ 8 million), so no sum in between is inexact.
local BASE, AMOUNT_MAX = 1e15, 8e15

local function load(key)
  local packed = redis.call('GET', key)
  if packed then return cmsgpack.unpack(packed) end
  local s = {}
  for i = 1, COUNTERS do s[i] = 0 end
  return s
end

local function store(key, s) redis.call('SET', key, cmsgpack.pack(s)) end

local function amount(text) return math.min(tonumber(text), AMOUNT_MAX) end

-- A decimal number of nano-USD as units of BASE and the rest, exact whatever its size.
local function halves(text)
  if #text <= 15 then return 0, tonumber(text) end
  return tonumber(string.sub(text, 1, -16)), tonumber(string.sub(text, -15))
end

local function spend(s, w, nano)
  local sum = s[w + SPENT] + nano
  if sum >= BASE or sum < 0 then
    local units = math.floor(sum / BASE)
    s[w + SPENT_HIGH], sum = s[w + SPENT_HIGH] + units, sum - units * BASE
  end
  s[w + SPENT] = sum
end

-- What is left of a limit (high, low): exact whenever it is near to what anybody asks for.
local function left_of(high, low, s, w)
  return (high - s[w + SPENT_HIGH]) * BASE + (low - s[w + SPENT]) - s[w + RESERVED]
end

local function money(high, low)
  if high == 0 then return int(low) end
  return int(high) .. string.format('%015d', low)
end

local function begin(s, w, before, current)
  if s[w] >= current then return end
  local has_begun = s[w] > 0
  for i = 0, 4 do
    if has_begun then s[before + i] = s[w + i] end
    s[w + i] = 0
  end
  s[w] = current
end

-- Moves windows that have ended aside. A period only ever moves forward: a clock that steps back keeps counting into the
-- newer one.
local function roll(s, now)
  local month, day = periods(now)
  begin(s, M, QM, month)
  begin(s, D, QD, day)
end

-- Where the window called `period` is. A scope that lost the beginning of a period, or never had any, begins it: it was named by
-- an admission. After a loss the one before may be unknown while its requests still settle. nil: it is forgotten.
local function window(s, w, before, period)
  begin(s, w, before, period)
  if s[w] == period then return w end
  if s[before] == 0 and period < s[w] then s[before] = period end
  if s[before] == period then return before end
end

-- The windows of a request that Redis does not know, as its worker names them. One that lies further ahead of Redis's own clock than two
-- clocks may differ, and that no admission has begun, is not begun by it: that would end the one that runs for everybody in the scope.
-- It is counted in that one.
local AHEAD_MS = 300000
local function believed(s, month, day)
  if not month then return end
  local latest_month, latest = periods(now_ms() + AHEAD_MS)
  if month <= math.max(latest_month, s[M]) and day <= math.max(latest, s[D]) then return month, day end
  local now_month, now_day = periods(now_ms())
  return math.max(now_month, s[M]), math.max(now_day, s[D])
end

-- Adds to the windows a request was admitted in.
local function charge(s, month, day, reserved, spent, requests)
  if reserved == 0 and spent == 0 and requests == 0 then return end
  -- A scope the request was not admitted in: its caller's plan changed meanwhile.
  if not month then return end
  for i = 1, 2 do
    local w
    if i == 1 then w = window(s, M, QM, month) else w = window(s, D, QD, day) end
    if w then
      s[w + RESERVED], s[w + REQUESTS] = s[w + RESERVED] + reserved, s[w + REQUESTS] + requests
      if spent ~= 0 then spend(s, w, spent) end
    end
  end
end
