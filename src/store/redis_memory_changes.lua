-- What changed. KEYS: the stream of changes, a key with the name of this Redis's life. ARGV: the last
-- entry seen ("": none yet), a name for a new life, how many entries at most.
-- Answer: name of the life, last entry, 1 when some may be missing, 1 when there are more, then agent,
-- key, stamp of each.
redis.call('SET', KEYS[2], ARGV[2], 'NX')
local life, last = redis.call('GET', KEYS[2]), ARGV[1]
local tail = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
tail = tail[1] and tail[1][1] or '0-0'
if last == '' then return {life, tail, 0, 0} end
if last == tail then return {life, last, 0, 0} end
local function id(s)
  local a, b = string.match(s, '^(%d+)-(%d+)$')
  return tonumber(a), tonumber(b)
end
local function older(a, b)
  local a1, a2 = id(a)
  local b1, b2 = id(b)
  return a1 < b1 or (a1 == b1 and a2 < b2)
end
if older(tail, last) then return {life, tail, 1, 0} end
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
local out = {life, last, 0, 0}
if last ~= '0-0' and older(last, first[1][1]) then out[3] = 1 end
local found = redis.call('XREAD', 'COUNT', ARGV[3], 'STREAMS', KEYS[1], last)
for _, e in ipairs(found and found[1][2] or {}) do
  local f = {}
  for j = 1, #e[2], 2 do f[e[2][j]] = e[2][j + 1] end
  if f.a and f.k and f.c then
    out[#out + 1] = f.a
    out[#out + 1] = f.k
    out[#out + 1] = f.c
  end
  out[2] = e[1]
end
out[4] = out[2] == tail and 0 or 1
return out
