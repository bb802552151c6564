"""What the Redis store does in one step: Lua that runs on the shard of its session.

All keys of a script belong to one session, so that they lie on one shard. Time is the server's own.
Each write compares the fencing token first.
"""

from __future__ import annotations

__all__ = ["ASK", "CLAIM", "LOAD", "RELEASE", "TAKE", "WRITE"]

_NOW = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
"""

# What names the session that the keys belong to has to be the owner still.
_HELD = """
local held = redis.call('HMGET', KEYS[1], 'fence', 'owner')
if held[1] ~= ARGV[1] or not held[2] then
  return {'lost', held[2] or '', held[1] or ''}
end
"""

CLAIM = (
    _NOW
    + """
-- KEYS state events asks claims; ARGV owner inbox ttl new keep
local s = redis.call('HMGET', KEYS[1], 'fence', 'owner', 'until', 'ended', 'lines')
local there, open = s[1], s[1] and s[4] ~= '1'
if open and s[2] and tonumber(s[3]) > now then
  return {'owned', s[2], tostring(tonumber(s[3]) - now)}
end
if ARGV[4] == '1' then
  if open and tonumber(s[5] or '0') > 0 then return {'open'} end
  redis.call('DEL', KEYS[2], KEYS[3])
  redis.call('HDEL', KEYS[1], 'snapshot', 'covers', 'lines')
elseif not open then
  return {there and 'closed' or 'none'}
end
local fence = redis.call('HINCRBY', KEYS[1], 'fence', 1)
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'inbox', ARGV[2], 'until', now + ARGV[3],
  'ended', '0', 'batch', '0', 'at', now)
redis.call('RPUSH', KEYS[4], cjson.encode({fence, ARGV[1], now}))
redis.call('LTRIM', KEYS[4], -1000, -1)
for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], ARGV[5]) end
return {'ok', tostring(fence)}
"""
)

WRITE = (
    _NOW
    + _HELD
    + """
-- KEYS state events asks claims reply...
-- ARGV fence ttl keep history number snapshot? snapshot replies, then replies, then at kind data...
local last = false
if tonumber(ARGV[5]) > tonumber(redis.call('HGET', KEYS[1], 'batch')) then
  local replies = tonumber(ARGV[8])
  local lines = tonumber(redis.call('HGET', KEYS[1], 'lines') or '0')
  for i = 9 + replies, #ARGV, 3 do
    lines = lines + 1
    last = redis.call('XADD', KEYS[2], '*',
      'n', lines, 'o', ARGV[1], 't', ARGV[i], 'k', ARGV[i + 1], 'd', ARGV[i + 2])
  end
  for i = 1, replies do
    redis.call('RPUSH', KEYS[4 + i], ARGV[8 + i])
    redis.call('PEXPIRE', KEYS[4 + i], 60000)
  end
  if ARGV[6] == '1' then
    if not last then
      local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
      last = newest[1] and newest[1][1] or ''
    end
    redis.call('HSET', KEYS[1], 'snapshot', ARGV[7], 'covers', last)
    redis.call('XTRIM', KEYS[2], 'MAXLEN', ARGV[4])
  end
  redis.call('HSET', KEYS[1], 'batch', ARGV[5], 'lines', lines)
end
redis.call('HSET', KEYS[1], 'until', now + ARGV[2], 'at', now)
for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], ARGV[3]) end
return {'ok', tostring(redis.call('XLEN', KEYS[3]))}
"""
)

RELEASE = (
    _NOW
    + _HELD
    + """
-- KEYS state asks; ARGV fence ended
redis.call('HDEL', KEYS[1], 'owner', 'inbox')
redis.call('HSET', KEYS[1], 'until', '0', 'ended', ARGV[2], 'at', now)
if ARGV[2] == '1' then redis.call('DEL', KEYS[2]) end
return {'ok'}
"""
)

TAKE = (
    _HELD
    + """
-- KEYS state asks; ARGV fence
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
local s = redis.call('HMGET', KEYS[1], 'fence', 'owner', 'until', 'ended', 'snapshot', 'covers')
if not s[1] then return {'none'} end
local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
local left = math.max(0, tonumber(s[3]) - now)
return {'ok', s[2] or '', tostring(left), s[4], s[5] or false, s[6] or '',
  first[1] and first[1][1] or '', last[1] and last[1][1] or '',
  redis.call('LRANGE', KEYS[3], 0, -1)}
"""
)
