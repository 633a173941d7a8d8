-- admit: checks every limit of a request and takes its hold in every scope at once, or nothing.
-- KEYS  h:{s}:<rid>  o:{s}  then per scope b:{s}:<scope>
-- ARGV  rid gen run owner ttl_ms est_tokens hold hold_min floor_cost event limits
-- An early admission of the same rid (see begin) becomes part of it: it is taken out and judged with the rest, and
-- stays as it is if the request is refused. The hold is what was asked for, or what is left of the money where that is
-- less, but never less than hold_min.
-- Replies: {0, now, periods, hold, money left beside it (-1: no limit), rpm limit, left, reset ms, tpm limit, left,
--   reset ms}
--  1 already admitted (now, periods, hold) · 2 stale version · 3 fenced (gen, run) · 8 closed · otherwise
--  {code, now, scope, window, limit, used, reserved, wait_ms}: 4 rpm · 5 tpm · 6 quota · 7 money · 9 larger than tpm
--  · 10 concurrency · 11 money reserved by running requests, or a pool's share that may grow
--  · {12, now} a pool's share is not known here
-- The last scope may be a pool: see pool.lua.

-- `limits` is a MessagePack array with one array per scope; -1 is no limit; money is (units of BASE, rest).
local NAME, VERSION, RPM, TPM, CONCURRENCY, RPD, RPMONTH, DAY_BUDGET, MONTH_BUDGET = 1, 2, 3, 4, 5, 6, 7, 8, 10

local function format_refusal(code, now, i, name, limit, used, reserved, wait)
  return {code, int(now), i, name, limit, used, int(reserved), int(wait or 0)}
end

-- The newest refusals of a key, oldest first, each as a rid and the refusal in words, for `GET /v1/me/requests/{id}`. A
-- refusal changes no counter.
local REFUSALS_MAX, REFUSALS_MS = 32, 900000
local function refusals_key(hold_key, name)
  return string.match(hold_key, '^h:%b{}:') .. 'refused:' .. name
end

local function note_refusal(hold_key, name, rid, refusal)
  local key = refusals_key(hold_key, name)
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

-- The refusal by a limit other than money, or nil.
local function limit_refusal(i, scope, limits, requests, tokens, estimate, now)
  local function refuse(code, name, limit, used, reserved, wait)
    return format_refusal(code, now, i, name, int(limit), int(used), reserved, wait)
  end
  if limits[RPM] >= 0 and requests + 1 > limits[RPM] then
    return refuse(4, 'requests_per_minute', limits[RPM], requests, 0,
      window_wait_ms(scope, REQUEST_SLOTS, now, requests + 1 - limits[RPM]))
  end
  if limits[TPM] >= 0 and tokens + estimate > limits[TPM] then
    return refuse(estimate > limits[TPM] and 9 or 5, 'tokens_per_minute', limits[TPM], tokens, estimate,
      window_wait_ms(scope, TOKEN_SLOTS, now, tokens + estimate - limits[TPM]))
  end
  if limits[CONCURRENCY] >= 0 and scope[OPEN] + 1 > limits[CONCURRENCY] then
    return refuse(10, 'concurrent_requests', limits[CONCURRENCY], scope[OPEN], 0, 1000)
  end
  if limits[RPD] >= 0 and scope[DAY + REQUESTS] + 1 > limits[RPD] then
    return refuse(6, 'requests_per_day', limits[RPD], scope[DAY + REQUESTS], 0)
  end
  if limits[RPMONTH] >= 0 and scope[MONTH + REQUESTS] + 1 > limits[RPMONTH] then
    return refuse(6, 'requests_per_month', limits[RPMONTH], scope[MONTH + REQUESTS], 0)
  end
end

-- What is left of one limit on money, and the refusal if that is less than hold_min.
local function money_left(i, scope, at, high, low, name, hold_min, now)
  if high < 0 then return math.huge end
  local left = left_of(high, low, scope, at)
  if left >= hold_min then return left end
  local later = left + scope[at + RESERVED] >= hold_min and scope[at + RESERVED] > 0
  return left, format_refusal(later and 11 or 7, now, i, name, format_money(high, low),
    format_money(scope[at + SPENT_HIGH], scope[at + SPENT]), scope[at + RESERVED], later and 1000)
end

-- The refusal by a pool's share. Callers see only the plan's budget, not the share.
local function pool_refusal(keys, i, limits, scope, left, hold_min, is_dry, now)
  note_pool_refusal(keys[1], limits[NAME], now, hold_min)
  local is_held = left + scope[DAY + RESERVED] >= hold_min and scope[DAY + RESERVED] > 0
  local code = (is_held or not is_dry) and 11 or 7
  return format_refusal(code, now, i, 'usd_per_day', format_money(limits[DAY_BUDGET], limits[DAY_BUDGET + 1]), '0', 0,
    code == 11 and 1000)
end

-- The shard's generation; {2, name, version} if Redis has a newer version of a scope than was named; and all fields
-- that were read. For a pool the field is its share of the day in `periods`, or of today without them.
local function check_versions(key, scopes, periods)
  local names = {'gen'}
  for i, limits in ipairs(scopes) do
    local day = is_pool(limits[NAME])
      and (periods and select(2, periods_of(periods, i)) or select(2, month_and_day(now_ms())))
    names[i + 1] = day and share_field(limits[NAME], day) or limits[NAME]
  end
  local versions = redis.call('HMGET', sibling_key('c:', key), unpack(names))
  for i, limits in ipairs(scopes) do
    if not is_pool(limits[NAME]) then
      local version = tonumber(versions[i + 1])
      if not version or version > limits[VERSION] then
        return versions[1], {2, limits[NAME], version and int(version) or ''}, versions
      end
    end
  end
  return versions[1], nil, versions
end

-- Takes a hold, a request unit and a concurrency slot in one scope.
local function take_hold(scope, hold, estimate, has_window)
  scope[MONTH + RESERVED], scope[MONTH + REQUESTS] = scope[MONTH + RESERVED] + hold, scope[MONTH + REQUESTS] + 1
  scope[DAY + RESERVED], scope[DAY + REQUESTS] = scope[DAY + RESERVED] + hold, scope[DAY + REQUESTS] + 1
  scope[OPEN] = scope[OPEN] + 1
  if has_window then add_to_window(scope, scope[NEWEST], 1, estimate) end
end

-- The tighter of two states of a limit {limit, left}.
local function tighter(tightest, limit, left)
  if limit < 0 or (tightest and tightest[2] <= left) then return tightest end
  return {limit, left}
end

local function admit(keys, args)
  local scope_limits = cmsgpack.unpack(args[11])
  local generation, stale, fields = check_versions(keys[1], scope_limits)
  local run_id = redis.call('HGET', sibling_key('run:', keys[1]), 'open')
  if generation ~= args[2] or run_id ~= args[3] then return {3, generation or '', run_id or ''} end
  local existing = read_record(keys[1])
  local early = existing and existing.begun and existing.st == 'O' and existing.owner == args[4] and existing
  if existing and not early then
    if existing.st == 'O' and existing.owner == args[4] then
      return {1, int(existing.at), existing.periods, int(existing.hold)}
    end
    return {8, existing.st}
  end
  if stale then return stale end

  local now, estimate, hold, hold_min = now_ms(), tonumber(args[6]), parse_amount(args[7]), parse_amount(args[8])
  local scopes, left, rpm, tpm, has_window = {}, math.huge, nil, nil, {}
  for i, limits in ipairs(scope_limits) do
    local scope, requests, tokens = load_scope(keys[i + 2]), 0, 0
    advance_periods(scope, now)
    if early then undo_early_admission(scope, early, i) end
    has_window[i] = limits[RPM] >= 0 or limits[TPM] >= 0
    if has_window[i] then requests, tokens = advance_window(scope, now) end
    local refusal = limit_refusal(i, scope, limits, requests, tokens, estimate, now)
    if refusal then return note_refusal(keys[1], scope_limits[1][NAME], args[1], refusal) end
    local high, low, is_dry = limits[DAY_BUDGET], limits[DAY_BUDGET + 1], nil
    local is_shared = high >= 0 and is_pool(limits[NAME])
    if is_shared then
      -- Writes from before a failover may still arrive here: `open` may be as it was, and the share larger again.
      high, low, is_dry = share_of(fields[i + 1], current_run_id() == run_id and confirmation_for(run_id, generation))
      -- A clock that went back past midnight: the scope counts another day than the share is for.
      if not high or scope[DAY] ~= select(2, month_and_day(now)) then return {12, int(now)} end
    end
    local day, money_refusal = money_left(i, scope, DAY, high, low, 'usd_per_day', hold_min, now)
    if money_refusal and is_shared then
      money_refusal = pool_refusal(keys, i, limits, scope, day, hold_min, is_dry, now)
    end
    if money_refusal then return note_refusal(keys[1], scope_limits[1][NAME], args[1], money_refusal) end
    local month
    month, money_refusal = money_left(
      i, scope, MONTH, limits[MONTH_BUDGET], limits[MONTH_BUDGET + 1], 'usd_per_month', hold_min, now)
    if money_refusal then return note_refusal(keys[1], scope_limits[1][NAME], args[1], money_refusal) end
    left = math.min(left, day, month)
    rpm = tighter(rpm, limits[RPM], limits[RPM] - requests - 1)
    tpm = tighter(tpm, limits[TPM], limits[TPM] - tokens - estimate)
    scopes[i] = scope
  end

  hold = math.min(hold, left)
  local periods, bucket = '', 0
  for i, scope in ipairs(scopes) do
    take_hold(scope, hold, estimate, has_window[i])
    if has_window[i] then bucket = scope[NEWEST] end
    store_scope(keys[i + 2], scope)
    periods = periods .. (i > 1 and ',' or '') .. int(scope[MONTH]) .. '/' .. int(scope[DAY])
  end
  local ttl = tonumber(args[5])
  write_open_record(keys[1], {
    st = 'O', owner = args[4], at = now, deadline = now + ttl, hold = hold, est = estimate,
    cost = tonumber(args[9]), event = args[10], periods = periods, bucket = bucket,
  })
  redis.call('ZADD', keys[2], int(now + ttl), args[1])
  local reset = int((bucket + 1) * BUCKET_MS - now)
  return {0, int(now), periods, int(hold), left == math.huge and '-1' or int(left - hold),
    rpm and int(rpm[1]) or '-1', rpm and int(rpm[2]) or '-1', rpm and reset or '0',
    tpm and int(tpm[1]) or '-1', tpm and int(tpm[2]) or '-1', tpm and reset or '0'}
end

-- begin: an early admission: may the body of this request be read? It takes the request unit and the concurrency slot,
-- so that a caller over those limits cannot make a worker read and parse large bodies. admit with the same rid
-- completes it, whatever the request then needs. A cancel gives back what it took, and so does the sweeper when the
-- worker is gone.
-- KEYS  h:{s}:<rid>  o:{s}  then per scope b:{s}:<scope>   ARGV  rid gen run owner ttl_ms event limits
-- Replies: {0, now} · {1, now} begun already · the others as in admit: {2, …} {3, …} {8, …}, {4, …} rpm, {10, …}
--   concurrency

-- The limits that apply before the body is known. Money, tokens and quotas do not apply yet: a response from the cache
-- may not need them.
local function limits_before_body(limits)
  local judged = {}
  for i, value in ipairs(limits) do judged[i] = value end
  judged[TPM], judged[RPD], judged[RPMONTH] = -1, -1, -1
  return judged
end

local function admit_early(keys, args)
  local scope_limits = cmsgpack.unpack(args[7])
  local generation, stale = check_versions(keys[1], scope_limits)
  local run_id = redis.call('HGET', sibling_key('run:', keys[1]), 'open')
  if run_id ~= args[3] or generation ~= args[2] then return {3, generation or '', run_id or ''} end
  local existing = read_record(keys[1])
  if existing and existing.st == 'O' and existing.begun and existing.owner == args[4] then
    return {1, int(existing.at)}
  end
  if existing then return {8, existing.st} end
  if stale then return stale end

  local now, scopes, has_window = now_ms(), {}, {}
  for i, limits in ipairs(scope_limits) do
    local scope, requests, tokens = load_scope(keys[i + 2]), 0, 0
    advance_periods(scope, now)
    has_window[i] = limits[RPM] >= 0 or limits[TPM] >= 0
    if has_window[i] then requests, tokens = advance_window(scope, now) end
    local refusal = limit_refusal(i, scope, limits_before_body(limits), requests, tokens, 0, now)
    if refusal then
      note_refusal(keys[1], scope_limits[1][NAME], args[1], refusal)
      return refusal
    end
    scopes[i] = scope
  end

  local periods, bucket = '', 0
  for i, scope in ipairs(scopes) do
    take_hold(scope, 0, 0, has_window[i])
    if has_window[i] then bucket = scope[NEWEST] end
    store_scope(keys[i + 2], scope)
    periods = periods .. (i > 1 and ',' or '') .. int(scope[MONTH]) .. '/' .. int(scope[DAY])
  end
  local ttl = tonumber(args[5])
  write_open_record(keys[1], {
    st = 'O', begun = true, owner = args[4], at = now, deadline = now + ttl, hold = 0, est = 0,
    cost = 0, event = args[6], periods = periods, bucket = bucket,
  })
  redis.call('ZADD', keys[2], int(now + ttl), args[1])
  return {0, int(now)}
end
