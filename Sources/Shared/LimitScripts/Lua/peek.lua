-- peek: the counters that `GET /v1/me` shows, by the same rules as admit. Reads only.
-- KEYS  per scope b   ARGV per scope name version
-- Replies: {0, now, per scope {month, spent, reserved, requests, day, spent, reserved, requests, open, requests in the
--   sliding window, tokens in the sliding window, responses from the cache this month, what they saved, today, what
--   they saved}}
--  · {2, name, version} stale
local function peek(keys, args)
  local scopes = {}
  for i = 1, #keys do scopes[i] = {args[i * 2 - 1], tonumber(args[i * 2])} end
  local _, stale = check_versions(keys[1], scopes)
  if stale then return stale end
  local now = now_ms()
  local reply = {0, int(now)}
  for i = 1, #keys do
    local scope = load_scope(keys[i])
    advance_periods(scope, now)
    local requests, tokens = advance_window(scope, now)
    local hits_month, saved_month = saved_in(scope, 1, scope[MONTH])
    local hits_day, saved_day = saved_in(scope, 2, scope[DAY])
    reply[2 + i] = {
      int(scope[MONTH]), format_money(scope[MONTH + SPENT_HIGH], scope[MONTH + SPENT]),
      int(scope[MONTH + RESERVED]), int(scope[MONTH + REQUESTS]),
      int(scope[DAY]), format_money(scope[DAY + SPENT_HIGH], scope[DAY + SPENT]),
      int(scope[DAY + RESERVED]), int(scope[DAY + REQUESTS]),
      int(scope[OPEN]), int(requests), int(tokens), int(hits_month), int(saved_month), int(hits_day), int(saved_day),
    }
  end
  return reply
end

-- find: what became of a request, as long as its record exists. KEYS h:{s}:<rid> u:{s}   ARGV rid name of its key
-- Replies: {state, event} (states: see read_record; '' for an event that has left the stream) · {} unknown
--  · {'X', the refusal as admit gave it, its items joined by spaces}
local function find_request(keys, args)
  local request = read_record(keys[1])
  if not request then
    local packed = redis.call('GET', refusals_key(keys[1], args[2]))
    local list = packed and cmsgpack.unpack(packed) or {}
    for i = 1, #list, 2 do
      if list[i] == args[1] then return {'X', list[i + 1]} end
    end
    return {}
  end
  local entry = request.stream and redis.call('XRANGE', keys[2], request.stream, request.stream)[1]
  return {request.st, entry and entry[2][6] or request.event or ''}
end

-- inspect: a scope's counters as they are stored, for people. KEYS b:{s}:<scope>   Reply {name, value, …}
local function inspect(keys)
  local scope, reply = load_scope(keys[1]), {}
  for _, period in ipairs({{MONTH, 'month'}, {DAY, 'day'}, {LAST_MONTH, 'month_before'}, {LAST_DAY, 'day_before'}}) do
    local at = period[1]
    for _, pair in ipairs({{'', int(scope[at])}, {'_spent', format_money(scope[at + SPENT_HIGH], scope[at + SPENT])},
        {'_reserved', int(scope[at + RESERVED])}, {'_requests', int(scope[at + REQUESTS])}}) do
      reply[#reply + 1] = period[2] .. pair[1]
      reply[#reply + 1] = pair[2]
    end
  end
  reply[#reply + 1] = 'open'
  reply[#reply + 1] = int(scope[OPEN])
  return reply
end

redis.register_function('gw2_admit', admit)
redis.register_function('gw2_begin', admit_early)
redis.register_function('gw2_settle', settle)
redis.register_function('gw2_count', control_plane_only(count_late))
redis.register_function('gw2_progress', progress)
redis.register_function('gw2_restore', restore)
redis.register_function('gw2_append', append_event)
redis.register_function('gw2_reopen', reopen)
redis.register_function('gw2_appended', mark_appended)
redis.register_function('gw2_heartbeat', heartbeat)
redis.register_function('gw2_farewell', deregister)
redis.register_function('gw2_sweep', sweep)
redis.register_function('gw2_raise', raise_version)
redis.register_function('gw2_put_key', put_key)
redis.register_function('gw2_barrier', control_plane_only(begin_rebuild))
redis.register_function('gw2_stop', end_generation)
redis.register_function('gw2_close', control_plane_only(close_appends))
redis.register_function('gw2_clear', control_plane_only(clear_shard))
redis.register_function('gw2_seed', control_plane_only(seed))
redis.register_function('gw2_entomb', control_plane_only(restore_reaped))
redis.register_function('gw2_live', activate)
redis.register_function('gw2_at_least', control_plane_only(raise_spent))
redis.register_function('gw2_share', set_share)
redis.register_function{function_name = 'gw2_peek', callback = peek, flags = {'no-writes'}}
redis.register_function{function_name = 'gw2_find', callback = find_request, flags = {'no-writes'}}
redis.register_function{function_name = 'gw2_pool', callback = read_pool, flags = {'no-writes'}}
redis.register_function{function_name = 'gw2_inspect', callback = inspect, flags = {'no-writes'}}
