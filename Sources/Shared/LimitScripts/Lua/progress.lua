-- A pool's share if it is confirmed and admissions are open in this process; otherwise zero, so that no hold grows.
local function extendable_share(key, text, generation)
  local run_id = current_run_id()
  local high, low = share_of(text,
    redis.call('HGET', sibling_key('run:', key), 'open') == run_id and confirmation_for(run_id, generation))
  return high or 0, low or 0
end

-- progress: records what a running stream has cost so far, so that the request of a dead worker is charged for what it
-- delivered, and extends its hold. The target is absolute: repeating the call changes nothing.
-- KEYS  h:{s}:<rid>  then per scope b   ARGV  gen owner cost event hold_target limits
-- Replies: {0, hold} · {0, hold, scope, window, limit, used, reserved} extended as far as the money allowed
--  · {2, name, version} stale: recorded, but the key has changed · {3, gen} fenced · {8, state} no longer open
local function progress(keys, args)
  local scope_limits = cmsgpack.unpack(args[6])
  local request = read_record(keys[1])
  local generation, stale, fields = check_versions(keys[1], scope_limits, request and request.periods)
  if generation ~= args[1] then return {3, generation or ''} end
  -- An early admission has no hold to extend: Redis lost the full admission, and the worker will restore it.
  if not request or request.st ~= 'O' or request.begun or request.owner ~= args[2] then
    return {8, request and request.st or ''}
  end
  request.cost, request.event = math.min(parse_amount(args[3]), request.hold), args[4]

  local extension, bounded_by, scopes = stale and 0 or math.max(0, parse_amount(args[5]) - request.hold), nil, {}
  for i, limits in ipairs(extension > 0 and scope_limits or {}) do
    local month, day = periods_of(request.periods, i)
    -- The request was not admitted in this pool: the plan of its key changed since.
    if not month then break end
    local scope = load_scope(keys[i + 1])
    -- Judged in the period of admission, because that is where the request is charged.
    local function cap_extension(at, high, low, name)
      if not at or high < 0 or left_of(high, low, scope, at) >= extension then return end
      extension = math.max(0, left_of(high, low, scope, at))
      bounded_by = {
        i, name, format_money(high, low), format_money(scope[at + SPENT_HIGH], scope[at + SPENT]),
        int(scope[at + RESERVED]),
      }
    end
    local high, low = limits[DAY_BUDGET], limits[DAY_BUDGET + 1]
    local is_shared = high >= 0 and is_pool(limits[NAME])
    if is_shared then high, low = extendable_share(keys[1], fields[i + 1], generation) end
    cap_extension(find_period(scope, DAY, LAST_DAY, day), high, low, 'usd_per_day')
    if is_shared and bounded_by and bounded_by[1] == i then
      bounded_by = {i, 'usd_per_day', format_money(limits[DAY_BUDGET], limits[DAY_BUDGET + 1]), '0', '0'}
    end
    cap_extension(find_period(scope, MONTH, LAST_MONTH, month),
      limits[MONTH_BUDGET], limits[MONTH_BUDGET + 1], 'usd_per_month')
    scopes[i] = scope
  end
  if extension > 0 then
    for i, scope in ipairs(scopes) do
      local month, day = periods_of(request.periods, i)
      add_to_periods(scope, month, day, extension, 0, 0)
      store_scope(keys[i + 1], scope)
    end
    request.hold = request.hold + extension
  end
  redis.call('SET', keys[1], cmsgpack.pack(request), 'KEEPTTL')
  if stale then return stale end
  return {0, int(request.hold), unpack(bounded_by or {})}
end
