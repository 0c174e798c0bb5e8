-- The queue itself: one script, so that every change of it is one step that nobody sees half of
-- (ADR 0017). All times are Redis's own: the sidecars' clocks need not agree.
--
--   <p>:shared:task-queue       list, the front door: LPUSH a body or a JSON object
--   <p>:task:<id>               hash: the task and what became of it
--   <p>:tasks:ready[:agent:<a>|:capability:<c>|:group:<g>]   zset by priority, then age
--   <p>:tasks:delayed           zset by the time from which it may be taken
--   <p>:tasks:leased            zset by the end of the lease
--   <p>:tasks:timeouts          zset by the time at which it is given up whatever happens
--   <p>:tasks:open, :finished   zsets by creation and by end
--   <p>:tasks:news:<gateway>    zset: what a home has not looked at yet
--   <p>:tasks:fence             the latest fencing id
--   <p>:tasks:order             the latest place in the queue
--   <p>:tasks:life              tells two lives of a Redis that forgets apart
--   <p>:tasks:rejected          list: entries of the front door that are no tasks, and why
--
-- KEYS[1] the front door. ARGV: operation, prefix, milliseconds that finished tasks are kept, how
-- many of them, open tasks at most, longest back-off, bytes of an entry at most, then the
-- operation's own.

local op, p, call, front = ARGV[1], ARGV[2], redis.call, KEYS[1]
local A = function(i) return ARGV[i + 7] end
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local Z = function(n) return p .. ':tasks:' .. n end
local H = function(id) return p .. ':task:' .. id end
local num = function(s) return tonumber(s or 0) or 0 end
local int = function(n) return string.format('%.0f', n) end
local get = function(id, ...) return unpack(call('HMGET', H(id), ...)) end

local function ready(id)
  local a, c, g = get(id, 'agent', 'capability', 'group')
  if a then return Z('ready:agent:' .. a) end
  if c then return Z('ready:capability:' .. c) end
  return g and Z('ready:group:' .. g) or Z('ready')
end
local function leave(id)
  call('ZREM', ready(id), id)
  call('ZREM', Z('delayed'), id)
  call('ZREM', Z('leased'), id)
  call('HDEL', H(id), 'until')
end
local function news(id)
  local home = get(id, 'home')
  if home then call('ZADD', Z('news:' .. home), now, id) end
end
local function enqueue(id)
  local priority, order, created = get(id, 'priority', 'order', 'created')
  call('HSET', H(id), 'state', 'queued')
  call('ZADD', ready(id), (9 - num(priority)) * 1e13 + num(order or created), id)
end
local function delay(id, ms)
  call('HSET', H(id), 'state', 'waiting', 'until', int(now + ms))
  call('ZADD', Z('delayed'), now + ms, id)
end
local function finish(id, state, field, text)
  leave(id)
  call('ZREM', Z('timeouts'), id)
  call('ZREM', Z('open'), id)
  call('HDEL', H(id), 'lost', 'confirmed')
  call('HSET', H(id), 'state', state, 'finished', int(now), field, text)
  call('ZADD', Z('finished'), now, id)
  if get(id, 'home') then news(id) else call('HSET', H(id), 'confirmed', 1) end
end
-- An attempt came to nothing.
local function again(id, why)
  local attempts, max, backoff = get(id, 'attempts', 'max_attempts', 'backoff')
  attempts = num(attempts)
  call('HSET', H(id), 'reason', why)
  if attempts >= num(max) then
    return finish(id, 'dead', 'reason', attempts .. ' attempts: ' .. why)
  end
  leave(id)
  news(id)
  local ms = math.min(num(backoff) * 2 ^ math.max(attempts - 1, 0), num(ARGV[6]))
  if ms > 0 then delay(id, ms) else enqueue(id) end
end
local function forget(id)
  local home = get(id, 'home')
  if home then call('ZREM', Z('news:' .. home), id) end
  call('ZREM', Z('finished'), id)
  call('DEL', H(id))
end
-- Somebody deleted the hash: nothing of it may stay.
local function exists(id)
  if call('EXISTS', H(id)) == 1 then return true end
  for _, z in ipairs({ 'delayed', 'leased', 'timeouts', 'open', 'finished' }) do
    call('ZREM', Z(z), id)
  end
end
local function due(z) return call('ZRANGEBYSCORE', Z(z), '-inf', now, 'LIMIT', 0, 200) end
-- What time has done; nobody needs a timer for it, because whoever looks does it first.
local function tick()
  for _, id in ipairs(due('timeouts')) do
    if exists(id) then finish(id, 'dead', 'reason', 'timeout: its time is over') end
  end
  for _, id in ipairs(due('leased')) do
    if exists(id) then again(id, 'the lease of ' .. (get(id, 'holder') or '?') .. ' ran out') end
  end
  for _, id in ipairs(due('delayed')) do
    call('ZREM', Z('delayed'), id)
    if exists(id) then call('HDEL', H(id), 'until'); enqueue(id) end
  end
  local old = call('ZRANGEBYSCORE', Z('finished'), '-inf', now - num(ARGV[3]), 'LIMIT', 0, 100)
  for _, id in ipairs(old) do forget(id) end
  local over = call('ZCARD', Z('finished')) - num(ARGV[4])
  if over > 0 then
    local first = call('ZRANGE', Z('finished'), 0, math.min(over, 100) - 1)
    for _, id in ipairs(first) do forget(id) end
  end
end
local function full() return call('ZCARD', Z('open')) >= num(ARGV[5]) end
local function row(id) return call('HGETALL', H(id)) end
local function create(id, from)
  local args, n = {}, 0
  for i = from + 7, #ARGV do n = n + 1; args[n] = ARGV[i] end
  call('HSET', H(id), 'id', id, unpack(args))
  call('HSETNX', H(id), 'created', int(now))
  local created, timeout = get(id, 'created', 'timeout')
  call('ZADD', Z('open'), num(created), id)
  if num(timeout) > 0 then call('ZADD', Z('timeouts'), num(created) + num(timeout), id) end
end
-- First come, first served, also of those that come in one millisecond.
local function number(id)
  local order = math.max(num(call('GET', Z('order'))) + 1, now)
  call('SET', Z('order'), int(order))
  call('HSET', H(id), 'order', int(order))
end
local function lease(id, fence, agent, gateway)
  leave(id)
  call('HSET', H(id), 'state', 'running', 'fence', fence, 'holder', agent, 'gateway',
       gateway, 'until', int(now + num(get(id, 'lease'))))
  call('HDEL', H(id), 'lost')
  call('ZADD', Z('leased'), now + num(get(id, 'lease')), id)
  news(id)
end
local function raise(fence)
-- what comes is above it, also in a Redis that forgot
  if num(call('GET', Z('fence'))) < num(fence) then call('SET', Z('fence'), fence) end
end
-- Put back by its home after Redis forgot it; nobody has it, and this lease is the latest.
local function was_last(id, fence)
  local lost, last = get(id, 'lost', 'fence')
  return lost and num(last) <= num(fence)
end
local function put_aside(raw, why)
  call('RPOP', front)
  call('LPUSH', Z('rejected'), cjson.encode({ reason = why, at = int(now) }), string.sub(raw, 1, num(ARGV[7])))
  call('LTRIM', Z('rejected'), 0, 1999)
end
local function short(s)
  if not s or #s <= 120 then return s or '' end
  local n = 120
  while n > 0 and s:byte(n + 1) >= 128 and s:byte(n + 1) < 192 do n = n - 1 end
  return s:sub(1, n) .. '...'
end

local ops = {}
function ops.push()
-- id, milliseconds of hold or '', fields
  local id = A(1)
  if exists(id) then return { 'ok', row(id) } end
  if full() then return { 'full' } end
  create(id, 3)
  if A(2) == '' then
    number(id)
    local ms = num(get(id, 'delay'))
    if ms > 0 then delay(id, ms) else enqueue(id) end
  else
    call('HSET', H(id), 'lost', 1)
    raise(get(id, 'fence') or '0')
    if num(A(2)) > 0 then delay(id, num(A(2))) else enqueue(id) end
  end
  return { 'ok', row(id) }
end
-- One entry of the front door, if it is still the next one: entry, id, fields.
function ops.take()
  if call('LINDEX', front, -1) ~= A(1) then return { 'gone' } end
  call('RPOP', front)
  if call('EXISTS', H(A(2))) == 1 then return { 'ok' } end
  create(A(2), 3)
  number(A(2))
  local ms = num(get(A(2), 'delay'))
  if ms > 0 then delay(A(2), ms) else enqueue(A(2)) end
  return { 'ok' }
end
function ops.reject()
-- entry, reason
  if call('LINDEX', front, -1) == A(1) then put_aside(A(1), A(2)) end
  return { 'ok' }
end
local function door()
  while true do
    local raw = call('LINDEX', front, -1)
    if not raw or #raw <= num(ARGV[7]) then break end
    put_aside(raw, 'body: it has ' .. #raw .. ' bytes')
  end
  if full() then return {} end
  return call('LRANGE', front, -16, -1)
end
function ops.pop()
-- agent, gateway, 1 to look at the front door, ready sets
  tick()
  local raw = A(3) == '1' and door() or {}
  if #raw > 0 then return { 'door', raw } end
  while true do
    local best, score, from
    for i = 4, #ARGV - 7 do
      local r = call('ZRANGE', Z(A(i)), 0, 0, 'WITHSCORES')
      if r[1] and (not score or tonumber(r[2]) < score) then
        best, score, from = r[1], tonumber(r[2]), Z(A(i))
      end
    end
    if not best then return { 'empty' } end
    if exists(best) then
      local fence = math.max(num(call('GET', Z('fence'))) + 1, t[1] * 1e6 + t[2])
      call('SET', Z('fence'), int(fence))
      call('HINCRBY', H(best), 'attempts', 1)
      lease(best, int(fence), A(1), A(2))
      return { 'ok', row(best) }
    end
    call('ZREM', from, best)
  end
end
function ops.finish()
-- id, fence, agent, result, home, gateway
  tick()
  local id, fence = A(1), A(2)
  local state, last, holder, sure = get(id, 'state', 'fence', 'holder', 'confirmed')
  if not state then
    if A(5) == '' then return { 'unknown' } end
    call('HSET', H(id), 'id', id, 'home', A(5), 'created', int(now), 'attempts', 1,
         'orphan', 1)
  elseif state == 'done' and last == fence then
    return { sure and 'ok' or 'pending', row(id) }
  elseif state == 'running' then
    if last ~= fence or (A(3) ~= '' and holder ~= A(3)) then return { 'stale', row(id) } end
  elseif not was_last(id, fence) then
    return { 'stale', row(id) }
  end
  raise(fence)
  if state ~= 'running' then
    call('HSET', H(id), 'fence', fence, 'holder', A(3), 'gateway', A(6))
  end
  finish(id, 'done', 'result', A(4))
  return { get(id, 'confirmed') and 'ok' or 'pending', row(id) }
end
function ops.fail()
-- id, fence, agent, reason, 1 to try again
  tick()
  local state, last, holder = get(A(1), 'state', 'fence', 'holder')
  if not state then return { 'unknown' } end
  if state ~= 'running' or last ~= A(2) or (A(3) ~= '' and holder ~= A(3)) then
    return { 'stale', row(A(1)) }
  end
  if A(5) == '1' then again(A(1), A(4)) else finish(A(1), 'dead', 'reason', A(4)) end
  return { 'ok', row(A(1)) }
end
function ops.renew()
-- id, fence, agent, gateway
  tick()
  local state, last, holder = get(A(1), 'state', 'fence', 'holder')
  if not state then return { 'unknown' } end
  local mine = state == 'running' and last == A(2) and (A(3) == '' or holder == A(3))
  local open = state == 'queued' or state == 'waiting'
  if not mine and not (open and was_last(A(1), A(2))) then return { 'stale', row(A(1)) } end
  raise(A(2))
  lease(A(1), A(2), mine and holder or A(3), A(4))
  return { 'ok', row(A(1)) }
end
function ops.get()
  tick()
  return exists(A(1)) and { 'ok', row(A(1)) } or { 'unknown' }
end
function ops.list()
-- state or '', how many
  tick()
  local ret = { 'ok', call('ZCARD', Z('open')), call('LLEN', front) }
  for _, z in ipairs({ 'finished', 'open' }) do
    for _, id in ipairs(call('ZREVRANGE', Z(z), 0, 4999)) do
      if #ret - 3 >= num(A(2)) then return ret end
      local h = row(id)
      local want = A(1) == '' or get(id, 'state') == A(1)
      for i = 1, #h, 2 do
        if h[i] == 'body' or h[i] == 'result' then h[i + 1] = short(h[i + 1]) end
      end
      if want and #h > 0 then ret[#ret + 1] = h end
    end
  end
  return ret
end
function ops.retry()
  tick()
  local state, orphan = get(A(1), 'state', 'orphan')
  if not state then return { 'unknown' } end
  if (state ~= 'dead' and state ~= 'cancelled') or orphan then
    return { 'stale', row(A(1)) }
  end
  call('HDEL', H(A(1)), 'finished', 'confirmed', 'reason')
  call('HSET', H(A(1)), 'attempts', 0)
  call('HINCRBY', H(A(1)), 'lives', 1)
  call('ZREM', Z('finished'), A(1))
  call('ZADD', Z('open'), num(get(A(1), 'created')), A(1))
  enqueue(A(1))
  news(A(1))
  return { 'ok', row(A(1)) }
end
function ops.cancel()
  tick()
  local state = get(A(1), 'state')
  if not state then return { 'unknown' } end
  if state == 'done' or state == 'dead' or state == 'cancelled' then
    return { 'stale', row(A(1)) }
  end
  finish(A(1), 'cancelled', 'reason', A(2))
  return { 'ok', row(A(1)) }
end
function ops.news()
-- gateway
  tick()
  call('SETNX', Z('life'), int(t[1] * 1e6 + t[2]))
  local ret = { 'ok', call('GET', Z('life')), 0 }
  for _, id in ipairs(call('ZRANGE', Z('news:' .. A(1)), 0, 199)) do
    local h = row(id)
    for i = 1, #h, 2 do if h[i] == 'body' then h[i + 1] = '' end end
    if exists(id) then ret[#ret + 1] = h else call('ZREM', Z('news:' .. A(1)), id) end
  end
  return ret
end
-- The home's word on what it saw: id, gateway, verdict, state and fence it saw, then the fields * that hold instead.
function ops.confirm()
  local id, verdict = A(1), A(3)
  local state, fence = get(id, 'state', 'fence')
  if not state or state ~= A(4) or (fence or '0') ~= A(5) then return { 'ok' } end
  call('ZREM', Z('news:' .. A(2)), id)
  if verdict == 'final' then
    call('HSET', H(id), 'confirmed', 1)
  elseif verdict == 'over' then
    leave(id)
    call('ZREM', Z('open'), id)
    call('ZREM', Z('timeouts'), id)
    call('HDEL', H(id), 'lost', 'result', 'reason')
    local args, n = {}, 0
    for i = 13, #ARGV do n = n + 1; args[n] = ARGV[i] end
    call('HSET', H(id), 'confirmed', 1, unpack(args))
    call('ZADD', Z('finished'), now, id)
  elseif verdict == 'undo' then
    leave(id)
    call('ZREM', Z('timeouts'), id)
    call('ZREM', Z('open'), id)
    forget(id)
  end
  return { 'ok' }
end
return ops[op]()
