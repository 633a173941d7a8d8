"""Bugs to plant: the name of each, and the Lua edit or the actor switch that causes it."""

EDITS = {
    "settle asks for no fence": [(
        "  if gen ~= A[2] then return {3, gen or ''} end\n  local r, to", "  local r, to")],
    "settle keeps no tombstone": [(
        "keep(K[1], {st = to, cost = cost, periods = named, stream = id or nil}, A[7])", "redis.call('DEL', K[1])")],
    "a reap releases without charging": [(
        "from == 'R' and cost - r.cost or cost", "to == 'R' and 0 or (from == 'R' and cost - r.cost or cost)")],
    "a late settle after a reap charges the whole cost": [("from == 'R' and cost - r.cost or cost", "cost")],
    "a cancelled request does not give back its unit": [(
        "(gives_back and -1 or 0) + ((not", "(gives_back and not (to == 'C' and from) and -1 or 0) + ((not")],
    "a cancelled request stays in the minute": [
        ("ring_add(s, r.bucket, gives_back and back ~= '2' and -1 or 0", "ring_add(s, r.bucket, 0")],
    "an answer out of the cache leaves the minute": [
        ("gives_back and back ~= '2' and -1 or 0", "gives_back and -1 or 0")],
    "an answer out of the cache uses a unit of the day": [("or back ~= '0'", "or back == '1'")],
    "a reap counts as saved by the cache": [
        ("    if back == '2' then save_event", "    if back == '2' or to == 'R' then save_event")],
    "a repeated seed adds what the cache saved again": [("  for i = SAVED, SAVED + 5 do s[i] = s[i] and 0 end\n", "")],
    "what the cache saved counts in the month alone": [("{day, hits_day, nano_day}", "{day, 0, 0}")],
    "a seed forgets what the cache saved": [("  if A[17] and A[14] ~= '0' then", "  if A[14] == '-1' then")],
    "a settle releases the cost instead of the hold": [
        ("from == 'O' and -r.hold or 0", "from == 'O' and -r.cost or 0")],
    "growth ignores the limit of the period of admission": [
        ("bound(window(s, D, QD, day)", "bound(s[D] == day and D"),
        ("bound(window(s, M, QM, month)", "bound(s[M] == month and M")],
    "growth adds, so that a repeated report grows a hold twice": [(
        "math.max(0, amount(A[5]) - r.hold)", "math.max(0, amount(A[5]) - (r.first or r.hold))"), (
        "    r.hold = r.hold + more", "    r.first = r.first or r.hold; r.hold = r.hold + more")],
    "growth is not charged to the day": [("charge(s, month, day, more, 0, 0)", "charge(s, month, 0, more, 0, 0)")],
    "the period is the caller's": [
        ("= now_ms(), tonumber(A[6])", "= tonumber(string.match(A[10], 'clock=(%d+)')), tonumber(A[6])")],
    "a window moves backward with the clock": [
        ("if s[w] >= current then return end", "if s[w] == current then return end")],
    "a window that ends is not kept aside": [("if has_begun then s[before + i]", "if s[w] > 0 then s[before + i]")],
    "a period that a scope has not begun is forgotten in a replay": [(
        "  begin(s, w, before, period)\n", "  if s[w] == 0 then s[w] = period end\n")],
    "a seed forgets the day": [("ipairs({M, D, QM, QD})", "ipairs({M})")],
    "a seed forgets the windows before": [("ipairs({M, D, QM, QD})", "ipairs({M, D})")],
    "a seed leaves open requests counted": [("  s[OPEN] = 0\n", "  s[OPEN] = 1\n")],
    "versions are compared as texts": [("version > l[VERSION] then", "versions[i + 1] > int(l[VERSION]) then")],
    "a missing version passes for a fresh one": [("if not version or version >", "if version and version >")],
    "a version can be lowered": [("if was >= tonumber(A[2]) then return {1, int(was)} end", "")],
    "reopening waits for nobody": [("if awaited > 0 and now", "if awaited < 0 and now")],
    "reopening does not wait for an owner that has only filed": [
        ("process ~= A[2] then awaited", "process ~= A[2] and not string.find(process, '^b') then awaited")],
    "a refusal writes": [
        ("if refusal then return note_refusal", "if refusal then store(K[i + 2], s) return note_refusal")],
    "a hold is not shrunk to what is left": [("hold = math.min(hold, left)", "hold = hold + 0")],
    "a bucket leaves the minute too early": [
        ("local SLOTS, BUCKET_MS, NEWEST = 13,", "local SLOTS, BUCKET_MS, NEWEST = 12,")],
    "what is given back can leave a minute below zero": [
        ("math.max(0, s[REQUEST_SLOTS + i] + requests)", "s[REQUEST_SLOTS + i] + requests")],
    "the fence of admit forgets the process": [("if gen ~= A[2] or run ~= A[3] then", "if gen ~= A[2] then")],
    "an admission is repeated after its end": [("  if was then return {8, was.st} end\n", "")],
    "what began counts beside what is admitted": [("    if begun then unbegin(s, begun, i) end\n    has_minute", "    has_minute")],
    "what began is put back beside its hold": [("    if begun then unbegin(s, r, i) end\n", "")],
    "a stream grows in what only began": [("or r.begun or r.owner ~= A[2]", "or r.owner ~= A[2]")],
    "what seemed only to have begun is taken back when it was admitted": [("or not r.begun then return", "then return")],
    "what is taken back from a silent worker is closed to its later word": [(
        "keep(K[1], {st = 'B'}, 1)", "keep(K[1], {st = 'C', cost = 0, periods = r.periods}, 9000000)")],
    "a hold is put back beside its record": [
        ("  if r and not begun then return {1, r.st} end\n  local hold, now", "  local hold, now")],
    "a tomb is put over a record that stands": [("if redis.call('EXISTS', K[1]) == 1 then return {1} end", "")],
    "a life begins without asking for its barrier": [(
        "and redis.call('HGET', beside('run:', key), 'closed') == gen",
        "or tonumber(redis.call('HGET', beside('c:', key), 'gen')) < tonumber(gen)")],
    "what is filed while the totals are read passes for filed before": [
        ("  if redis.call('HGET', beside('run:', K[1]), 'closed') then return {3} end\n", "")],
    "a life begins in a process that may lack a part of it": [("if run ~= A[2] or not is_prepared", "if not is_prepared")],
    "what a shard that lives has is removed": [(
        "  if not is_prepared(K[1], A[1]) or redis.call('HGET', K[1], 'filling') == A[1] then return {3} end\n", "")],
    "totals that are back are removed by a word that comes late": [(" or redis.call('HGET', K[1], 'filling') == A[1] then", " then")],
    "what is filed twice is counted twice": [
        ("  if r and (r.st == 'S' or r.st == 'C') then return {1, r.st} end\n", "")],
    "a barrier does not tell that it was lost": [
        ("    redis.call('HDEL', K[1], 'closed')\n    return {1}\n  end\n  local reply, all", "    redis.call('HDEL', K[1], 'closed')\n    return {0}\n  end\n  local reply, all")],
    "a share counts in a process that may have lost that it was made smaller": [
        ("if not nano or confirmed ~= life then return end", "if not nano then return end")],
    "a share counts for who was let in by the process before": [("process() == run and life_of(run, gen))", "life_of(run, gen))")],
    "a share that was told before a wipe counts after it": [("return run and gen and run .. '.' .. gen end", "return run end")],
    "an older word on a share counts": [
        ("  if was > version then return {1, int(was), int(held)} end\n  if A[7]", "  if A[7]")],
    "the same word on a share, once more, undoes that it was made smaller": [
        ("    wanted = math.min(wanted, held)\n  end\n  redis.call('HSET', K[1], field", "  end\n  redis.call('HSET', K[1], field")],
    "a share is made smaller than what is held": [
        ("math.min(held, math.max(wanted, (used_of(load(K[2]), tonumber(A[2])))))", "math.min(held, wanted)")],
    "a share is made smaller where holds may be missing": [(
        "    if redis.call('HGET', beside('run:', K[1]), 'open') ~= run then return {2} end\n", "")],
    "a pool is not asked by a stream that grows": [
        ("if is_shared then high, low = growing_share(K[1], found[i + 1], gen) end", "if is_shared then high = -1 end")],
    "a pool does not count what is held": [(
        "  for i, s in ipairs(scopes) do\n    take(s, hold, est, has_minute[i])",
        "  for i, s in ipairs(scopes) do\n    take(s, i < 3 and hold or 0, est, has_minute[i])")],
}
SWITCHES = {
    "a replay computes the cost again": "recompute the cost",
    "what was closed in an older life is settled instead of appended": "settle older lives",
    "a worker takes the ledger's word for another process's stream": "acknowledge across processes",
    "the ledger goes back from its cursor alone": "rewind from the cursor alone",
    "the ledger keeps the cursor of a stream that is lost": "keep the cursor of a lost stream",
    "what was filed past the counters stays out of them": "leave out what was filed late",
    "what the totals had is counted again": "count what the totals have",
    "what the ledger has passes for counted": "take the ledger's word for counted",
    "shares are confirmed for a new process as they are": "confirm without a new version",
    "a share is smaller in the ledger before it is in Redis": "note what is to shrink before it has",
    "a share is larger in Redis before it is in the ledger": "grow in Redis first",
}
SHARING = {"share": 8, "others_move": 4}
# Weights of events that some bugs need more often than usual to show.
EMPHASIS = {
    "growth ignores the limit of the period of admission": {"go_on": 3, "finish": 0.3},
    "a period that a scope has not begun is forgotten in a replay": {"failover": 8},
    "a seed forgets the windows before": {"flush": 4},
    "a version can be lowered": {"raise_version": 20},
    "what is given back can leave a minute below zero": {"step_clock": 15},
    "the fence of admit forgets the process": {"failover": 8},
    "an admission is repeated after its end": {"arrive": 3, "finish": 3},
    "a tomb is put over a record that stands": {"flush": 3, "freeze": 10, "thaw": 0.5, "sweep": 6, "idle": 6, "look": 3},
    "totals that are back are removed by a word that comes late": {"flush": 6, "look": 2},
    "a stream grows in what only began": {"failover": 15, "go_on": 2},
    "what began is put back beside its hold": {"failover": 15},
    "a repeated seed adds what the cache saved again": {"flush": 6, "finish": 2},
    "what seemed only to have begun is taken back when it was admitted": {"freeze": 10, "thaw": 4, "idle": 4, "sweep": 8},
    "what is taken back from a silent worker is closed to its later word": {"freeze": 10, "idle": 4, "sweep": 8},
    "a life begins without asking for its barrier": {"flush": 6},
    "a barrier does not tell that it was lost": {"flush": 3, "wipe_again": 40, "work": 4},
    "what was closed in an older life is settled instead of appended": {"flush": 4},
    "a worker takes the ledger's word for another process's stream": {"flush": 4, "failover": 4},
    "the ledger goes back from its cursor alone": {"step_clock": 20, "failover": 20, "ingest": 4},
    "the ledger keeps the cursor of a stream that is lost": {"step_clock": 10, "flush": 4},
    "what is filed while the totals are read passes for filed before": {"flush": 6, "freeze": 4, "thaw": 2},
    "a life begins in a process that may lack a part of it": {"flush": 8, "failover": 40, "look": 0.4},
    "what a shard that lives has is removed": {"flush": 6, "look": 2},
    "what is filed twice is counted twice": {"flush": 4, "kill": 4, "freeze": 4},
    "what was filed past the counters stays out of them": {"flush": 4, "freeze": 4},
    "what the totals had is counted again": {"flush": 4, "freeze": 4},
    "a share counts in a process that may have lost that it was made smaller": SHARING | {"failover": 20},
    "a share counts for who was let in by the process before": SHARING | {"failover": 20},
    "a share that was told before a wipe counts after it": SHARING | {"flush": 10, "look": 2},
    "an older word on a share counts": SHARING,
    "the same word on a share, once more, undoes that it was made smaller": SHARING,
    "a share is made smaller than what is held": SHARING,
    "a share is made smaller where holds may be missing": SHARING | {"failover": 10, "flush": 6},
    "a pool is not asked by a stream that grows": SHARING | {"go_on": 4},
    "shares are confirmed for a new process as they are": {"share": 8, "failover": 20, "work": 3},
    "a share is smaller in the ledger before it is in Redis": SHARING,
    "a share is larger in Redis before it is in the ledger": SHARING,
    "what the ledger has passes for counted": {"flush": 8, "freeze": 6, "thaw": 6, "failover": 30, "kill": 0},
}


def planted(text, name):
    for old, new in EDITS[name]:
        assert text.count(old) == 1, f"the library no longer has, once: {old}"
        text = text.replace(old, new)
    return text
