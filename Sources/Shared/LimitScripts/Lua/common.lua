#!lua name=gw1
-- The limiter of the gateway: every amount is integer nano-USD, every period UTC, every clock Redis's own.
-- A script is atomic but never rolled back: each function reads and refuses first and writes last.
local RING, BUCKET_MS = 12, 5000       -- 12 + 1 buckets of 5 s: never more than the limit in any 60 s
local SCOPE_ARGS = 9                   -- name, version, rpm, tpm, concurrency, rpd, rpmonth, nano/day, nano/month
local WINDOWS = {'m', 'd'}             -- month and day; field = window .. (p period | s spent | r reserved | n requests)

-- Never concatenate a number: Lua prints 1.2345678901235e+14.
local function int(x) return string.format('%.0f', x) end

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- `e:{s}` and `c:{s}` are read but never declared, so that a worker's read-only access to them suffices.
local function beside(prefix, key) return prefix .. string.match(key, '%b{}') end

-- The UTC month (yyyymm) and day (yyyymmdd) of an instant, by Howard Hinnant's civil_from_days.
local function periods(now)
  local z = math.floor(now / 86400000) + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day = doy - math.floor((153 * mp + 2) / 5) + 1
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return year * 100 + month, (year * 100 + month) * 100 + day
end

-- One scope's counters, with a window that has ended read as empty. A period only ever moves forward:
-- a clock that steps back keeps counting into the newer period.
local function counters(key, now)
  local v = redis.call('HMGET', key, 'mp', 'ms', 'mr', 'mn', 'dp', 'ds', 'dr', 'dn', 'open')
  local month, day = periods(now)
  local c = {open = tonumber(v[9]) or 0, raw = v}
  local function window(name, at, current)
    local stored = tonumber(v[at]) or 0
    local rolls = stored < current
    c[name] = {
      period = rolls and current or stored, rolls = rolls,
      spent = rolls and 0 or tonumber(v[at + 1]) or 0,
      reserved = rolls and 0 or tonumber(v[at + 2]) or 0,
      requests = rolls and 0 or tonumber(v[at + 3]) or 0,
    }
  end
  window('m', 1, month)
  window('d', 5, day)
  return c
end

-- Moves a window that has ended aside as the previous one (prefix q): holds taken in it still settle there.
local function roll(key, c)
  for at, w in ipairs(WINDOWS) do
    if c[w].rolls then
      local v, i = c.raw, at == 1 and 1 or 5
      redis.call('HSET', key,
        'q' .. w .. 'p', v[i] or '0', 'q' .. w .. 's', v[i + 1] or '0',
        'q' .. w .. 'r', v[i + 2] or '0', 'q' .. w .. 'n', v[i + 3] or '0',
        w .. 'p', int(c[w].period), w .. 's', '0', w .. 'r', '0', w .. 'n', '0')
    end
  end
end

-- Adds to a field of the window that holds `period`, be it the current or the previous one.
-- Returns false when that window is already forgotten.
local function add(key, w, period, field, amount)
  local v = redis.call('HMGET', key, w .. 'p', 'q' .. w .. 'p')
  if v[1] == period then redis.call('HINCRBY', key, w .. field, amount) return true end
  if v[2] == period then redis.call('HINCRBY', key, 'q' .. w .. field, amount) return true end
  if not v[1] then
    redis.call('HSET', key, w .. 'p', period)
    redis.call('HINCRBY', key, w .. field, amount)
    return true
  end
  return false
end
