#!lua name=gw2
-- Raised with every change, so that the newer of two programs keeps its library. A worker refuses a library that is
-- older than its own.
local REVISION = 6
-- The limiter of the gateway. Every amount is in integer nano-USD, every period is UTC, every clock is Redis's own.
-- A script is atomic but never rolled back, so each function reads and refuses first and writes last.
--  c:{s}        HASH    gen (the generation of the counters), name of a key or org -> its version, shares of
--                       pools (pool.lua); written by the control plane only
--  run:{s}      HASH    open (the Redis run ID that admissions are open for), run and since (the run ID that owners are
--                       replaying into, and since when), owner -> the run ID it has replayed into, or b<gen> when it
--                       has appended for that generation; barrier, closed, filling (the generation being prepared)
--  b:{s}:scope  STRING  a scope's counters, a MessagePack array: see scope.lua
--  h:{s}:rid    STRING  a request's record, a MessagePack map: see read_record()
--  h:{s}:refused:key  STRING  the newest refusals of a key, a MessagePack array
--  o:{s}        ZSET    deadline -> rid of every open hold
--  u:{s}        STREAM  ended requests, for the ledger
--  hb:{s}       HASH    owner -> the time of its last heartbeat
-- A worker may not name a c: key in a call. A function for the control plane only that takes no c: key of its own
-- therefore takes the shard's c: key first: see control_plane_only().
-- MessagePack is the cheapest encoding: one read and one write per scope, and no number is parsed from text.

-- Never concatenate a number: Lua prints 1.2345678901235e+14. (%d goes through a C long: exact for every integer here.)
local function int(x) return string.format('%d', x) end

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- The key with another prefix in the same shard. Functions that only read `c:{s}` or `run:{s}` do not declare them, so
-- that a worker's rights suffice.
local function sibling_key(prefix, key) return prefix .. string.match(key, '%b{}') end

-- The UTC month (yyyymm) and day (yyyymmdd) of an instant, by Howard Hinnant's civil_from_days. The last result is
-- remembered: the function is pure.
local known_days, known_month, known_day
local function month_and_day(now)
  local days = math.floor(now / 86400000)
  if days ~= known_days then
    local z = days + 719468
    local era = math.floor(z / 146097)
    local doe = z - era * 146097
    local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
    local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
    local mp = math.floor((5 * doy + 2) / 153)
    local month = mp < 10 and mp + 3 or mp - 9
    local year = yoe + era * 400 + (month <= 2 and 1 or 0)
    known_days, known_month = days, year * 100 + month
    known_day = known_month * 100 + doy - math.floor((153 * mp + 2) / 5) + 1
  end
  return known_month, known_day
end

-- A request's record, or nil. Its fields: st (O open, S settled, C cancelled, R reaped), cost, periods
-- ('month/day,month/day': those of each scope, as admit chose them), stream (the ID of its event).
-- An open record also has owner, at, deadline, hold, est, event, bucket, and begun if it is an early admission that
-- took only the request unit and the concurrency slot.
-- State B is a cancelled early admission. It expires at once and counts as no record, because workers may not DEL.
local function read_record(key)
  local packed = redis.call('GET', key)
  local request = packed and cmsgpack.unpack(packed)
  if request and request.st ~= 'B' then return request end
end

-- An open record has no expiry: without it nobody would know what to release, however long all workers are away.
local function write_open_record(key, request) redis.call('SET', key, cmsgpack.pack(request)) end

-- Writes the record of a request that is no longer open; it expires after `ttl` milliseconds.
local function write_tombstone(key, request, ttl) redis.call('SET', key, cmsgpack.pack(request), 'PX', int(ttl)) end

-- The month and the day of scope `i` in a request's periods; nothing if the request was not admitted in that scope.
local function periods_of(periods, i)
  for month, day in string.gmatch(periods, '(%d+)/(%d+)') do
    i = i - 1
    if i == 0 then return tonumber(month), tonumber(day) end
  end
end
