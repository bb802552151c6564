"""What the Redis store does in one step: Lua that runs on the shard of its session.

All keys of a script belong to one session, so that they lie on one shard. Time is the server's own.
Each write compares the fencing token first.
"""

from __future__ import annotations

__all__ = ["ASK", "CLAIM", "LOAD", "RECLAIM", "RELEASE", "TAKE", "UNDO", "WRITE"]

_NOW = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
"""

# What names the session that the keys belong to has to be the owner still.
_HELD = """
local held = redis.call('HMGET', KEYS[1], 'fence', 'token', 'owner')
if not held[1] then return {'gone'} end
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] or not held[3] then
  return {'lost', held[3] or '', held[1]}
end
"""

# Numbers are written out: by itself Lua gives them 14 digits. A fence counts on from the clock
# where those before it are lost. All kinds of keys are looked at first: what a script has done when
# it fails stays done.
_GIVE = """
local function give(above, owner, token, inbox, ttl, keep)
  local fence = math.max(above + 1, t[1] * 1000000 + t[2])
  local text = string.format('%.0f', fence)
  redis.call('RPUSH', KEYS[4], cjson.encode({text, owner, now}))
  redis.call('LTRIM', KEYS[4], -1000, -1)
  redis.call('HSET', KEYS[1], 'fence', text, 'token', token, 'owner', owner, 'inbox', inbox,
    'until', now + ttl, 'ended', '0', 'batch', '0', 'at', now)
  for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], keep) end
  return {'ok', text}
end
for i, wanted in ipairs({'hash', 'stream', 'stream', 'list'}) do
  local kind = redis.call('TYPE', KEYS[i])['ok']
  if kind ~= 'none' and kind ~= wanted then return {'type', KEYS[i], kind, wanted} end
end
"""

CLAIM = (
    _NOW
    + _GIVE
    + """
-- KEYS state events asks claims; ARGV owner token inbox ttl keep new
local s = redis.call('HMGET', KEYS[1], 'fence', 'owner', 'until', 'ended', 'lines')
local there, open = s[1], s[1] and s[4] ~= '1'
if open and s[2] and tonumber(s[3]) > now then
  return {'owned', s[2], tostring(tonumber(s[3]) - now)}
end
if ARGV[6] == '1' then
  if open and tonumber(s[5] or '0') > 0 then return {'open'} end
  redis.call('DEL', KEYS[2], KEYS[3])
  redis.call('HDEL', KEYS[1], 'snapshot', 'covers', 'covered', 'lines')
elseif not open then
  return {there and 'closed' or 'none'}
end
return give(tonumber(s[1] or '0'), ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5])
"""
)

RECLAIM = (
    _NOW
    + _GIVE
    + """
-- KEYS state events asks claims; ARGV owner token inbox ttl keep fence
local held = redis.call('HMGET', KEYS[1], 'fence', 'token', 'owner')
if held[1] and held[2] ~= ARGV[2] then return {'lost', held[3] or '', held[1]} end
local above = math.max(tonumber(held[1] or '0'), tonumber(ARGV[6]))
return give(above, ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5])
"""
)

# A claim whose answer was not heard.
UNDO = """
-- KEYS state; ARGV token new
if redis.call('HGET', KEYS[1], 'token') == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'owner', 'inbox')
  redis.call('HSET', KEYS[1], 'until', '0', 'ended', ARGV[2])
end
"""

WRITE = (
    _NOW
    + _HELD
    + """
-- KEYS state events asks claims reply...
-- ARGV fence token ttl keep history number snapshot? snapshot replies, then replies,
-- then at kind data...
local last = false
local done = redis.call('HMGET', KEYS[1], 'batch', 'lines')
local number, batch, lines = tonumber(ARGV[6]), tonumber(done[1] or '0'), tonumber(done[2] or '0')
-- Redis may come back with an older state, or evict the log alone. Who has just claimed the session
-- knows that.
local log = batch == 0 or lines == 0 or redis.call('EXISTS', KEYS[2]) == 1
if number > batch + 1 or not log then return {'gone'} end
if number > batch then
  local replies = tonumber(ARGV[9])
  for i = 10 + replies, #ARGV, 3 do
    lines = lines + 1
    last = redis.call('XADD', KEYS[2], '*',
      'n', lines, 'o', ARGV[1], 't', ARGV[i], 'k', ARGV[i + 1], 'd', ARGV[i + 2])
  end
  for i = 1, replies do
    redis.call('RPUSH', KEYS[4 + i], ARGV[9 + i])
    redis.call('PEXPIRE', KEYS[4 + i], 60000)
  end
  if ARGV[7] == '1' then
    if not last then
      local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
      last = newest[1] and newest[1][1] or ''
    end
    redis.call('HSET', KEYS[1], 'snapshot', ARGV[8], 'covers', last, 'covered', lines)
    redis.call('XTRIM', KEYS[2], 'MAXLEN', ARGV[5])
  end
  redis.call('HSET', KEYS[1], 'batch', ARGV[6], 'lines', lines)
end
redis.call('HSET', KEYS[1], 'until', now + ARGV[3], 'at', now)
for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], ARGV[4]) end
return {'ok', tostring(redis.call('XLEN', KEYS[3]))}
"""
)

RELEASE = (
    _NOW
    + _HELD
    + """
-- KEYS state asks; ARGV fence token ended
redis.call('HDEL', KEYS[1], 'owner', 'inbox')
redis.call('HSET', KEYS[1], 'until', '0', 'ended', ARGV[3], 'at', now)
if ARGV[3] == '1' then redis.call('DEL', KEYS[2]) end
return {'ok'}
"""
)

TAKE = (
    _HELD
    + """
-- KEYS state asks; ARGV fence token
local found = redis.call('XRANGE', KEYS[2], '-', '+')
local out = {'ok'}
for _, entry in ipairs(found) do
  redis.call('XDEL', KEYS[2], entry[1])
  out[#out + 1] = entry[1]
  out[#out + 1] = entry[2][2]
end
return out
"""
)

ASK = (
    _NOW
    + """
-- KEYS state asks; ARGV body keep
local s = redis.call('HMGET', KEYS[1], 'owner', 'until', 'inbox')
if not s[1] or tonumber(s[2]) <= now then return {'none'} end
local id = redis.call('XADD', KEYS[2], '*', 'b', ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return {'ok', id, s[3] or ''}
"""
)

LOAD = (
    _NOW
    + """
-- KEYS state events claims
local s = redis.call('HMGET', KEYS[1], 'fence', 'owner', 'until', 'ended', 'snapshot', 'covers',
  'lines', 'covered')
if not s[1] then return {'none'} end
local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
local left = math.max(0, tonumber(s[3]) - now)
-- The log has no gaps within: what is missing after the snapshot is missing before the next line.
local lines, covered = tonumber(s[7] or '0'), tonumber(s[8] or '0')
local covers, missing = s[6] or '', 0
if s[8] or covers == '' then
  local from = covers == '' and '-' or '(' .. covers
  local after = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', 1)
  missing = (after[1] and tonumber(after[1][2][2]) - 1 or lines) - covered
end
return {'ok', s[1], s[2] or '', tostring(left), s[4], s[5] or false, covers,
  first[1] and first[1][1] or '', last[1] and last[1][1] or '', tostring(lines),
  tostring(math.max(0, missing)), redis.call('LRANGE', KEYS[3], 0, -1)}
"""
)
