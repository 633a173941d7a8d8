"""Runs the limiter's real library on a `RedisModel`, in Redis's version of Lua."""

import functools
import pathlib
import re

import lupa.lua51
import msgpack

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "Sources" / "Shared" / "LimitScripts"


@functools.cache
def library():
    """The text for FUNCTION LOAD, with the files joined in the gateway's order."""
    names = re.findall(r"PackageResources\.(\w+)_lua", (FOLDER / "LimitLibrary.swift").read_text())
    return "\n".join((FOLDER / "Lua" / f"{name}.lua").read_text() for name in names)


# Values cross between Lua and Python as plain arguments, since walking a Lua table from Python costs ten times as much.
GLUE = rb"""
return function(call, pack_array, pack_map, unpack_any)
  local functions, nested = {}, {}
  local function reply(kind, ...)
    if kind == 'array' then return {...} end
    if kind == 'status' then return {ok = ...} end
    return (...)
  end
  redis = {call = function(...) return reply(call(...)) end}
  function redis.register_function(name, callback)
    if type(name) == 'table' then name, callback = name.function_name, name.callback end
    assert(not functions[name], 'registered twice')
    functions[name] = callback
  end
  local function map(...)
    local t, flat = {}, {...}
    for i = 1, select('#', ...), 2 do t[flat[i]] = flat[i + 1] end
    return t
  end
  local function unpacked(s, kind, ...)
    if kind == 'flat' then return {...} end
    if kind == 'map' then return map(...) end
    local rows = {...}
    for i, row in ipairs(rows) do rows[i] = unpacked(row, unpack_any(row)) end
    nested[s] = rows
    return rows
  end
  cmsgpack = {}
  function cmsgpack.pack(t)
    local n, pairs_found = #t, {}
    local count = 0
    for k in pairs(t) do count = count + 1 end
    if count == n then return pack_array(unpack(t, 1, n)) end
    for k, v in pairs(t) do pairs_found[#pairs_found + 1] = k; pairs_found[#pairs_found + 1] = v end
    return pack_map(unpack(pairs_found))
  end
  -- Arrays of arrays are the callers' limits: few different ones, and never written to.
  function cmsgpack.unpack(s)
    if nested[s] then return nested[s] end
    return unpacked(s, unpack_any(s))
  end
  local function invoke(name, keys, ...)
    local all, K, A = {...}, {}, {}
    for i = 1, #all do if i <= keys then K[i] = all[i] else A[i - keys] = all[i] end end
    local r = assert(functions[name], name)(K, A)
    if type(r) == 'table' then return 'array', unpack(r) end
    return 'value', r
  end
  return invoke, function() local n = {}; for name in pairs(functions) do n[#n + 1] = name end; return unpack(n) end
end
"""


# Lua strings are bytes here and in MessagePack; lupa passes integral numbers as integers.
PACK = msgpack.Packer(use_bin_type=False).pack


def plain(value):
    """A reply as Redis sends it: numbers truncated to integers, false as nil."""
    if isinstance(value, (bytes, bool)) or value is None:
        return value if isinstance(value, bytes) else 1 if value else None
    if isinstance(value, (int, float)):
        return int(value)
    return [plain(value[i]) for i in range(1, len(value) + 1)]


class LuaHost:
    def __init__(self, model, text=None):
        self.model = model
        self.lua = lua = lupa.lua51.LuaRuntime(encoding=None, unpack_returned_tuples=True)
        start = lua.execute(GLUE)
        self.invoke, names = start(
            self._call, lambda *values: PACK(values), lambda *flat: PACK(dict(zip(flat[::2], flat[1::2]))),
            self._unpack)
        lua.execute((text or library()).removeprefix("#!lua name=gw2").encode())
        self.functions = {name.decode() for name in names()}

    def _call(self, *arguments):
        reply = self.model.call(*arguments)
        if type(reply) is list:
            return (b"array", *(self._table(one) if type(one) is list else one for one in reply))
        return (b"status", reply["ok"]) if type(reply) is dict else (b"value", reply)

    def _table(self, values):
        return self.lua.table_from([self._table(one) if type(one) is list else one for one in values])

    @staticmethod
    def _unpack(packed):
        held = msgpack.unpackb(packed, raw=True)
        if type(held) is dict:
            return (b"map", *(part for pair in held.items() for part in pair))
        if held and type(held[0]) is list:
            return (b"nested", *map(PACK, held))
        return (b"flat", *held)

    def fcall(self, name, keys, arguments):
        flat = [v if isinstance(v, bytes) else str(v).encode() for v in (*keys, *arguments)]
        reply = self.invoke(name.encode(), len(keys), *flat)
        if reply == b"array":
            return []
        return [plain(v) for v in reply[1:]] if reply[0] == b"array" else plain(reply[1])
