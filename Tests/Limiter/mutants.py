"""The bugs to plant: the name of each, and the edit of the Lua text or the switch of the simulation that causes it."""

EDITS = {
    "settle does not check the generation": [
        (
            "  if generation ~= args[2] then return {3, generation or ''} end\n  local request, new_state",
            "  local request, new_state",
        ),
    ],
    "settle leaves no tombstone": [
        (
            "write_tombstone(keys[1], {st = new_state, cost = cost, periods = periods, stream = stream_id or "
            "nil}, args[7])",
            "redis.call('DEL', keys[1])",
        ),
    ],
    "a reap releases without charging": [
        (
            "old_state == 'R' and cost - request.cost or cost",
            "new_state == 'R' and 0 or (old_state == 'R' and cost - request.cost or cost)",
        ),
    ],
    "a late settle after a reap charges the whole cost": [
        ("old_state == 'R' and cost - request.cost or cost", "cost"),
    ],
    "a cancelled request does not refund its unit": [
        (
            "(refunds_unit and -1 or 0) + ((not",
            "(refunds_unit and not (new_state == 'C' and old_state) and -1 or 0) + ((not",
        ),
    ],
    "a cancelled request stays in the sliding window": [
        (
            "add_to_window(scope, request.bucket, refunds_unit and refund ~= '2' and -1 or 0",
            "add_to_window(scope, request.bucket, 0",
        ),
    ],
    "a response from the cache leaves the sliding window": [
        ("refunds_unit and refund ~= '2' and -1 or 0", "refunds_unit and -1 or 0"),
    ],
    "a response from the cache uses a unit of the day": [
        ("or refund ~= '0'", "or refund == '1'"),
    ],
    "a reap counts as saved by the cache": [
        ("    if refund == '2' then add_saved_event", "    if refund == '2' or new_state == 'R' then add_saved_event"),
    ],
    "a repeated seed adds the savings of the cache again": [
        ("  for i = SAVED, SAVED + 5 do scope[i] = scope[i] and 0 end\n", ""),
    ],
    "savings of the cache are counted in the month only": [
        ("{day, hits_day, nano_day}", "{day, 0, 0}"),
    ],
    "a seed drops the savings of the cache": [
        ("  if args[17] and args[14] ~= '0' then", "  if args[14] == '-1' then"),
    ],
    "a settle releases the cost instead of the hold": [
        ("old_state == 'O' and -request.hold or 0", "old_state == 'O' and -request.cost or 0"),
    ],
    "a hold extension ignores the limit of the period of admission": [
        ("cap_extension(find_period(scope, DAY, LAST_DAY, day)", "cap_extension(scope[DAY] == day and DAY"),
        ("cap_extension(find_period(scope, MONTH, LAST_MONTH, month)", "cap_extension(scope[MONTH] == month and MONTH"),
    ],
    "a repeated progress report extends a hold twice": [
        (
            "math.max(0, parse_amount(args[5]) - request.hold)",
            "math.max(0, parse_amount(args[5]) - (request.first or request.hold))",
        ),
        (
            "    request.hold = request.hold + extension",
            "    request.first = request.first or request.hold; request.hold = request.hold + extension",
        ),
    ],
    "a hold extension is not reserved in the day": [
        ("add_to_periods(scope, month, day, extension, 0, 0)", "add_to_periods(scope, month, 0, extension, 0, 0)"),
    ],
    "the period follows the caller's clock": [
        ("= now_ms(), tonumber(args[6])", "= tonumber(string.match(args[10], 'clock=(%d+)')), tonumber(args[6])"),
    ],
    "a period moves backward with the clock": [
        ("if scope[at] >= current then return end", "if scope[at] == current then return end"),
    ],
    "a period that ends is not kept": [
        ("if has_begun then scope[before + i]", "if scope[at] > 0 then scope[before + i]"),
    ],
    "a replay ignores a period that a scope has not begun": [
        ("  begin_period(scope, at, before, period)\n", "  if scope[at] == 0 then scope[at] = period end\n"),
    ],
    "a seed drops the day": [
        ("ipairs({MONTH, DAY, LAST_MONTH, LAST_DAY})", "ipairs({MONTH})"),
    ],
    "a seed drops the previous periods": [
        ("ipairs({MONTH, DAY, LAST_MONTH, LAST_DAY})", "ipairs({MONTH, DAY})"),
    ],
    "a seed leaves open requests counted": [
        ("  scope[OPEN] = 0\n", "  scope[OPEN] = 1\n"),
    ],
    "versions are compared as text": [
        ("version > limits[VERSION] then", "versions[i + 1] > int(limits[VERSION]) then"),
    ],
    "a missing version counts as current": [
        ("if not version or version >", "if version and version >"),
    ],
    "a version can be lowered": [
        ("if current >= tonumber(args[2]) then return {1, int(current)} end", ""),
    ],
    "reopen waits for no other owner": [
        ("if awaited > 0 and now", "if awaited < 0 and now"),
    ],
    "reopen does not wait for an owner that has only appended": [
        ("state ~= args[2] then awaited", "state ~= args[2] and not string.find(state, '^b') then awaited"),
    ],
    "a refusal writes": [
        ("if refusal then return note_refusal", "if refusal then store_scope(keys[i + 2], scope) return note_refusal"),
    ],
    "a hold is not reduced to the money left": [
        ("hold = math.min(hold, left)", "hold = hold + 0"),
    ],
    "a bucket leaves the sliding window too early": [
        ("local SLOTS, BUCKET_MS, NEWEST = 13,", "local SLOTS, BUCKET_MS, NEWEST = 12,"),
    ],
    "a refund can make a bucket negative": [
        ("math.max(0, scope[REQUEST_SLOTS + i] + requests)", "scope[REQUEST_SLOTS + i] + requests"),
    ],
    "admit does not check the Redis run ID": [
        ("if generation ~= args[2] or run_id ~= args[3] then", "if generation ~= args[2] then"),
    ],
    "a request is admitted again after its end": [
        ("  if existing then return {8, existing.st} end\n", ""),
    ],
    "an early admission is counted in addition to the admission": [
        ("    if early then undo_early_admission(scope, early, i) end\n    has_window", "    has_window"),
    ],
    "an early admission is counted in addition to the restored hold": [
        ("    if early then undo_early_admission(scope, request, i) end\n", ""),
    ],
    "a hold extension is applied to an early admission": [
        ("or request.begun or request.owner ~= args[2]", "or request.owner ~= args[2]"),
    ],
    "a full admission is cancelled as if it were an early one": [
        ("or not request.begun then return", "then return"),
    ],
    "a cancelled early admission blocks its worker's later settle": [
        (
            "write_tombstone(keys[1], {st = 'B'}, 1)",
            "write_tombstone(keys[1], {st = 'C', cost = 0, periods = request.periods}, 9000000)",
        ),
    ],
    "a hold is restored although its record exists": [
        ("  if request and not early then return {1, request.st} end\n  local hold, now", "  local hold, now"),
    ],
    "a restored reap overwrites an existing record": [
        ("if redis.call('EXISTS', keys[1]) == 1 then return {1} end", ""),
    ],
    "a generation begins without checking its barrier": [
        (
            "and redis.call('HGET', sibling_key('run:', key), 'closed') == generation",
            "or tonumber(redis.call('HGET', sibling_key('c:', key), 'gen')) < tonumber(generation)",
        ),
    ],
    "an append during the reading of the totals is accepted": [
        ("  if redis.call('HGET', sibling_key('run:', keys[1]), 'closed') then return {3} end\n", ""),
    ],
    "a generation begins in a Redis process that may lack a part of it": [
        ("if run_id ~= args[2] or not is_prepared", "if not is_prepared"),
    ],
    "the counters of a live shard are removed": [
        (
            "  if not is_prepared(keys[1], args[1]) or redis.call('HGET', keys[1], 'filling') == args[1] then "
            "return {3} end\n",
            "",
        ),
    ],
    "a late clear removes restored totals": [
        (" or redis.call('HGET', keys[1], 'filling') == args[1] then", " then"),
    ],
    "a request that is appended twice is counted twice": [
        ("  if request and (request.st == 'S' or request.st == 'C') then return {1, request.st} end\n", ""),
    ],
    "a barrier does not report that it was lost": [
        (
            "    redis.call('HDEL', keys[1], 'closed')\n    return {1}\n  end\n  local reply, all",
            "    redis.call('HDEL', keys[1], 'closed')\n    return {0}\n  end\n  local reply, all",
        ),
    ],
    "a share is valid in a process that may have lost its reduction": [
        ("if not nano or confirmed ~= confirmation then return end", "if not nano then return end"),
    ],
    "a share is valid for an admission opened by the previous process": [
        (
            "current_run_id() == run_id and confirmation_for(run_id, generation))",
            "confirmation_for(run_id, generation))",
        ),
    ],
    "a share from before a wipe is valid after it": [
        ("return run_id and generation and run_id .. '.' .. generation end", "return run_id end"),
    ],
    "an older version of a share is accepted": [
        (
            "  if current_version > version then return {1, int(current_version), int(current_share)} end\n"
            "  if args[7]",
            "  if args[7]",
        ),
    ],
    "a repeated share undoes its reduction": [
        (
            "    new_share = math.min(new_share, current_share)\n  end\n  redis.call('HSET', keys[1], field",
            "  end\n  redis.call('HSET', keys[1], field",
        ),
    ],
    "a share is reduced below what is held": [
        (
            "math.min(current_share, math.max(new_share, (used_on(load_scope(keys[2]), tonumber(args[2])))))",
            "math.min(current_share, new_share)",
        ),
    ],
    "a share is reduced while holds may be missing": [
        ("    if redis.call('HGET', sibling_key('run:', keys[1]), 'open') ~= run_id then return {2} end\n", ""),
    ],
    "a hold extension ignores the pool": [
        (
            "if is_shared then high, low = extendable_share(keys[1], fields[i + 1], generation) end",
            "if is_shared then high = -1 end",
        ),
    ],
    "a pool does not count holds": [
        (
            "  for i, scope in ipairs(scopes) do\n    take_hold(scope, hold, estimate, has_window[i])",
            "  for i, scope in ipairs(scopes) do\n    take_hold(scope, i < 3 and hold or 0, estimate, has_window[i])",
        ),
    ],
}
SWITCHES = {
    "a replay computes the cost again": "recompute the cost",
    "a request of an older generation is settled instead of appended": "settle older generations",
    "a worker accepts an acknowledgement of another process's stream": "acknowledge across processes",
    "the ledger rewinds from its cursor only": "rewind from the cursor alone",
    "the ledger keeps the cursor of a stream that is lost": "keep the cursor of a lost stream",
    "late usage is not counted": "do not count late usage",
    "usage that the totals include is counted again": "count usage in the totals",
    "usage in the ledger is taken to be counted": "treat ledger rows as counted",
    "shares are confirmed for a new process without a new version": "confirm without a new version",
    "a share is reduced in the ledger before Redis": "note a reduction before it is made",
    "a share is raised in Redis before the ledger": "grow in Redis first",
}
SHARING = {"share": 8, "others_move": 4}
# Weights of events that some bugs need more often than usual to show.
EMPHASIS = {
    "a hold extension ignores the limit of the period of admission": {"go_on": 3, "finish": 0.3},
    "a replay ignores a period that a scope has not begun": {"failover": 8},
    "a seed drops the previous periods": {"flush": 4},
    "a version can be lowered": {"raise_version": 20},
    "a refund can make a bucket negative": {"step_clock": 15},
    "admit does not check the Redis run ID": {"failover": 8},
    "a request is admitted again after its end": {"arrive": 3, "finish": 3},
    "a restored reap overwrites an existing record": {"flush": 3, "freeze": 10, "thaw": 0.5, "sweep": 6, "idle": 6, "look": 3},
    "a late clear removes restored totals": {"flush": 6, "look": 2},
    "a hold extension is applied to an early admission": {"failover": 15, "go_on": 2},
    "an early admission is counted in addition to the restored hold": {"failover": 15},
    "a repeated seed adds the savings of the cache again": {"flush": 6, "finish": 2},
    "a full admission is cancelled as if it were an early one": {"freeze": 10, "thaw": 4, "idle": 4, "sweep": 8},
    "a cancelled early admission blocks its worker's later settle": {"freeze": 10, "idle": 4, "sweep": 8},
    "a generation begins without checking its barrier": {"flush": 6},
    "a barrier does not report that it was lost": {"flush": 3, "wipe_again": 40, "work": 4},
    "a request of an older generation is settled instead of appended": {"flush": 4},
    "a worker accepts an acknowledgement of another process's stream": {"flush": 4, "failover": 4},
    "the ledger rewinds from its cursor only": {"step_clock": 20, "failover": 20, "ingest": 4},
    "the ledger keeps the cursor of a stream that is lost": {"step_clock": 10, "flush": 4},
    "an append during the reading of the totals is accepted": {"flush": 6, "freeze": 4, "thaw": 2},
    "a generation begins in a Redis process that may lack a part of it": {"flush": 8, "failover": 40, "look": 0.4},
    "the counters of a live shard are removed": {"flush": 6, "look": 2},
    "a request that is appended twice is counted twice": {"flush": 4, "kill": 4, "freeze": 4},
    "late usage is not counted": {"flush": 4, "freeze": 4},
    "usage that the totals include is counted again": {"flush": 4, "freeze": 4},
    "a share is valid in a process that may have lost its reduction": SHARING | {"failover": 20},
    "a share is valid for an admission opened by the previous process": SHARING | {"failover": 20},
    "a share from before a wipe is valid after it": SHARING | {"flush": 10, "look": 2},
    "an older version of a share is accepted": SHARING,
    "a repeated share undoes its reduction": SHARING,
    "a share is reduced below what is held": SHARING,
    "a share is reduced while holds may be missing": SHARING | {"failover": 10, "flush": 6},
    "a hold extension ignores the pool": SHARING | {"go_on": 4},
    "shares are confirmed for a new process without a new version": {"share": 8, "failover": 20, "work": 3},
    "a share is reduced in the ledger before Redis": SHARING,
    "a share is raised in Redis before the ledger": SHARING,
    "usage in the ledger is taken to be counted": {"flush": 8, "freeze": 6, "thaw": 6, "failover": 30, "kill": 0},
}


def planted(text, name):
    for old, new in EDITS[name]:
        assert text.count(old) == 1, f"the library no longer has, once: {old}"
        text = text.replace(old, new)
    return text
