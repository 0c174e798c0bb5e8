-- Keys of one agent, given or compared; atomic, so that no two sidecars can disagree about an order.
-- KEYS: the hash of its stamps, the stream of changes. ARGV: first part of the values' keys, stamp for
-- what others wrote, horizon, drift, bytes of the largest value, bytes of all values in the answer, the
-- agent, "give" or "ask"; then of each entry its key, its stamp as text (or ""), its value.
-- Answer, of each entry: S the same, T taken, W wanted, A ahead of our clock, X no value of ours,
-- L later: too much at once, or V with the later stamp and its value (nil: a tombstone).
-- Stamps are compared byte by byte: Lua's own `<` goes by the server's locale.
local hash, log = KEYS[1], KEYS[2]
local base, seen, horizon, drift = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local largest, room, agent = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
local give = ARGV[8] == 'give'
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local function hex(ms, n) return string.format('%012x%04x', ms, n) end
local function less(a, b)
  local n = math.min(#a, #b)
  for i = 1, n do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end
local function before(a, b)
  if a.h ~= b.h then return less(a.h, b.h) end
  return less(a.node, b.node)
end
local function parse(c)
  if not c then return nil end
  local h, kind, e, d, node = string.match(c, '^1 (%x+) ([vd]) (%d+) (%S+) (%S+)$')
  if not h or #h ~= 16 then return nil end
  return {h = h, kind = kind, e = tonumber(e), d = d, node = node}
end
local function text(c)
  return '1 ' .. c.h .. ' ' .. c.kind .. ' ' .. string.format('%.0f', c.e) .. ' ' .. c.d ..
    ' ' .. c.node
end
local latest = hex(now + drift, 65535)
if less(latest, seen) then seen = latest end
local function after(h) -- at least `seen`, and later than h
  if not h or less(h, seen) then return seen end
  local ms, n = tonumber(string.sub(h, 1, 12), 16), tonumber(string.sub(h, 13), 16) + 1
  if n > 65535 then ms, n = ms + 1, 0 end
  return hex(ms, n)
end
local function keep(key, c)
  redis.call('HSET', hash, key, text(c))
  redis.call('XADD', log, 'MAXLEN', '~', 10000, '*', 'a', agent, 'k', key, 'c', text(c))
end
-- The key as it is, after what another program did to it was given a stamp: the stamp or nil, the
-- value or false, and whether what is there is no value.
local function look(key)
  local clock = parse(redis.call('HGET', hash, key))
  local kind = redis.call('TYPE', base .. key).ok
  local dead = not clock or clock.kind == 'd' or (clock.e > 0 and clock.e <= now)
  if kind == 'none' then
    if dead then return clock, false end
    clock = {h = after(clock.h), kind = 'd', e = 0, d = '-', node = 'redis'}
    keep(key, clock)
    return clock, false
  end
  if kind ~= 'string' or redis.call('STRLEN', base .. key) > largest then
    return clock, false, true
  end
  local value = redis.call('GET', base .. key)
  room = room - #value
  local digest = redis.sha1hex(value)
  if not dead and digest == clock.d then return clock, value end
  local ttl = redis.call('PTTL', base .. key)
  clock = {h = after(clock and clock.h), kind = 'v', e = ttl > 0 and now + ttl or 0,
    d = digest, node = 'redis'}
  keep(key, clock)
  return clock, value
end
local function write(key, c, value)
  if c.kind == 'v' and c.e > 0 and c.e <= now then c.kind = 'd' end
  c.d = c.kind == 'v' and redis.sha1hex(value) or '-'
  keep(key, c)
  if c.kind == 'd' then redis.call('DEL', base .. key) return end
  redis.call('SET', base .. key, value)
  if c.e > 0 then redis.call('PEXPIREAT', base .. key, string.format('%.0f', c.e)) end
end
local function spent(c)
  return c.e < horizon and (c.kind == 'd' or c.e > 0) and
    tonumber(string.sub(c.h, 1, 12), 16) < horizon
end
local out = {}
for i = 9, #ARGV, 3 do
  local key, ours, answer = ARGV[i], parse(ARGV[i + 1]), {'S'}
  if room <= 0 and i > 9 then answer = {'L'}
  elseif give and less(latest, ours.h) then answer = {'A'}
  else
    local clock, value, strange = look(key)
    if strange and not give then answer = {'X'}
    elseif clock and not strange and (not ours or before(ours, clock)) then
      if not ours and not value then
        if spent(clock) then redis.call('HDEL', hash, key) end
      else answer = {'V', text(clock), value} end
    elseif ours and (not clock or before(clock, ours) or strange) then
      if give then write(key, ours, ARGV[i + 2]) answer = {'T'} else answer = {'W'} end
    elseif clock and not value and spent(clock) then redis.call('HDEL', hash, key)
    end
  end
  out[#out + 1] = answer
end
return out
