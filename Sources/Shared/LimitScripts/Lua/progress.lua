-- A pool's share where it holds in this life and admissions are open in it; nothing else to grow by.
local function growing_share(key, text, gen)
  local run = process()
  local high, low = share_of(text, redis.call('HGET', beside('run:', key), 'open') == run and life_of(run, gen))
  return high or 0, low or 0
end

-- progress: what a running stream has cost so far, so that a dead worker's request is charged for what it delivered; and
-- a larger hold, when it needs one. The target is absolute: repeating the call changes nothing.
-- KEYS  h:{s}:<rid>  then per scope b   ARGV  gen owner cost event hold_target limits
-- Replies: {0, hold} · {0, hold, scope, window, limit, used, reserved} as far as the money went · {2, name, version} stale:
--   recorded, but the key changed · {3, gen} fenced · {8, state} no longer open
local function progress(K, A)
  local limits = cmsgpack.unpack(A[6])
  local r = record(K[1])
  local gen, old, found = stale(K[1], limits, r and r.periods)
  if gen ~= A[1] then return {3, gen or ''} end
  -- What only began has no hold that could grow: Redis lost its admission, and its worker will put that back.
  if not r or r.st ~= 'O' or r.begun or r.owner ~= A[2] then return {8, r and r.st or ''} end
  r.cost, r.event = math.min(amount(A[3]), r.hold), A[4]

  local more, why, scopes = old and 0 or math.max(0, amount(A[5]) - r.hold), nil, {}
  for i, l in ipairs(more > 0 and limits or {}) do
    local month, day = periods_of(r.periods, i)
    -- A pool the request was not admitted in: its caller's plan changed meanwhile.
    if not month then break end
    local s = load(K[i + 1])
    -- Judged in the period of admission: that is where the request is charged.
    local function bound(w, high, low, name)
      if not w or high < 0 or left_of(high, low, s, w) >= more then return end
      more = math.max(0, left_of(high, low, s, w))
      why = {i, name, money(high, low), money(s[w + SPENT_HIGH], s[w + SPENT]), int(s[w + RESERVED])}
    end
    local high, low = l[DAY], l[DAY + 1]
    local is_shared = high >= 0 and is_pool(l[NAME])
    if is_shared then high, low = growing_share(K[1], found[i + 1], gen) end
    bound(window(s, D, QD, day), high, low, 'usd_per_day')
    if is_shared and why and why[1] == i then why = {i, 'usd_per_day', money(l[DAY], l[DAY + 1]), '0', '0'} end
    bound(window(s, M, QM, month), l[MONTH], l[MONTH + 1], 'usd_per_month')
    scopes[i] = s
  end
  if more > 0 then
    for i, s in ipairs(scopes) do
      local month, day = periods_of(r.periods, i)
      charge(s, month, day, more, 0, 0)
      store(K[i + 1], s)
    end
    r.hold = r.hold + more
  end
  redis.call('SET', K[1], cmsgpack.pack(r), 'KEEPTTL')
  if old then return old end
  return {0, int(r.hold), unpack(why or {})}
end
