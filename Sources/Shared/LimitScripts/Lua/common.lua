#!lua name=gw2
-- Raised with every change, so that of two programs the newer one's library stays. Workers refuse an older one than their own.
local REVISION = 5
-- The limiter of the gateway: every amount is integer nano-USD, every period UTC, every clock Redis's own.
-- A script is atomic but never rolled back: each function reads and refuses first and writes last.
--   c:{s}        HASH    gen (the life of the shard's counters), name of a key or org -> its version, shares of pools (see pool.lua);
--                        control plane only
--   run:{s}      HASH    open (the Redis process admissions are open for), run and since (which process is being replayed into, and since
--                        when), owner -> the process it has replayed into or b<gen>, the life it has filed for; barrier, closed, filling
--                        (the life being prepared)
--   b:{s}:scope  STRING  a scope's counters, a MessagePack array: see scope.lua
--   h:{s}:rid    STRING  a request's record, a MessagePack map: see record()
--   h:{s}:refused:key  STRING  the newest refusals of a key, a MessagePack array
--   o:{s}        ZSET    deadline -> rid of every open hold
--   u:{s}        STREAM  what has ended, for the ledger
--   hb:{s}       HASH    owner -> when it was last heard of
-- A worker may name no c: key in a call. Functions of the control plane alone that have none among their keys ask for the shard's in front
-- of them: see controls().
-- MessagePack because it is what costs least: one read and one write a scope, and no number is ever made from text.

-- Never concatenate a number: Lua prints 1.2345678901235e+14. (%d goes through a C long: exact for every integer here.)
local function int(x) return string.format('%d', x) end

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- `c:{s}` and `run:{s}` are read but not declared by functions that only read them, so that a worker's rights suffice.
local function beside(prefix, key) return prefix .. string.match(key, '%b{}') end

-- The UTC month (yyyymm) and day (yyyymmdd) of an instant, by Howard Hinnant's civil_from_days. The last day is
-- remembered: the function is pure.
local known_day, known_month_name, known_day_name
local function periods(now)
  local days = math.floor(now / 86400000)
  if days ~= known_day then
    local z = days + 719468
    local era = math.floor(z / 146097)
    local doe = z - era * 146097
    local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
    local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
    local mp = math.floor((5 * doy + 2) / 153)
    local month = mp < 10 and mp + 3 or mp - 9
    local year = yoe + era * 400 + (month <= 2 and 1 or 0)
    known_day, known_month_name = days, year * 100 + month
    known_day_name = known_month_name * 100 + doy - math.floor((153 * mp + 2) / 5) + 1
  end
  return known_month_name, known_day_name
end

-- A request's record: st (O open, S settled, C cancelled, R reaped), cost, periods ('month/day,month/day': of each scope, as
-- admit named them), stream (the id its event got); while open also owner, at, deadline, hold, est, event, bucket, and begun (only its
-- unit and its place are taken: see begin). B was taken back: it expires at once and counts as no record, for workers may not DEL.
local function record(key)
  local packed = redis.call('GET', key)
  local r = packed and cmsgpack.unpack(packed)
  if r and r.st ~= 'B' then return r end
end

-- An open one stays until it is settled, however long everybody who could do so is away: without it nobody knows what to give back.
local function hold_open(key, r) redis.call('SET', key, cmsgpack.pack(r)) end

local function keep(key, r, ttl) redis.call('SET', key, cmsgpack.pack(r), 'PX', int(ttl)) end

-- The month and the day of scope `i` in a list of periods.
local function periods_of(named, i)
  for month, day in string.gmatch(named, '(%d+)/(%d+)') do
    i = i - 1
    if i == 0 then return tonumber(month), tonumber(day) end
  end
end
