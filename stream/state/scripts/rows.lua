-- Rows: the additive values a pane is made of, and how two of them become one.
-- Loaded in front of every script that changes counts. stream/state/codec.py is the Python side;
-- its module docstring holds the byte layout. The first byte says how a row merges:
--   S T C D W  counts (sparse or dense, of 2, 4 or 8 bytes): added
--   L          sums, 128-bit integers: added with carry
--   M          maxima, doubles: the larger one stays
--   N          counts by name, bounded: added, the names with the smallest hashes stay
--   A          doubles that hold integers below 2^53: added
--   B          bottom-k sample, (u32 hash, u32 count) by hash: added, the smallest hashes stay
--   H          registers of a HyperLogLog, bytes: the larger one stays
local RUN = 200 -- struct.unpack returns its values on the Lua stack, which holds far fewer than 8,000
local U16_MAX = 65535
local U32_MAX = 4294967295
local LIMB = 4294967296
local formats = {}

local function format_of(item, n)
  local key = item .. n
  local made = formats[key]
  if not made then
    made = '<' .. string.rep(item, n)
    formats[key] = made
  end
  return made
end

-- Reads n values into out, behind its first `behind` ones.
local function unpack_into(out, behind, item, size, bytes, first, n)
  local done = 0
  while done < n do
    local run = math.min(RUN, n - done)
    local part = {struct.unpack(format_of(item, run), bytes, first + done * size)}
    for i = 1, run do out[behind + done + i] = part[i] end
    done = done + run
  end
  return out
end

local function unpack_values(item, size, bytes, first, n)
  return unpack_into({}, 0, item, size, bytes, first, n)
end

local function pack_range(item, values, first, last)
  local out = {}
  while first <= last do
    local run = math.min(RUN, last - first + 1)
    out[#out + 1] = struct.pack(format_of(item, run), unpack(values, first, first + run - 1))
    first = first + run
  end
  return table.concat(out)
end

local function pack_values(item, values, n)
  return pack_range(item, values, 1, n)
end

-- counts: tag, u16 number of cells, then (u16 cell, count) pairs (sparse), or u16 first cell and the
-- counts from there on (dense)
local DENSE = {C = {'I2', 2}, D = {'I4', 4}, W = {'I8', 8}}

local function read_counts(row)
  local tag = string.sub(row, 1, 1)
  local n = struct.unpack('<I2', row, 2)
  local cells = {}
  local dense = DENSE[tag]
  if dense then
    local item, size = dense[1], dense[2]
    local before, span = struct.unpack('<I2', row, 4), (#row - 5) / size
    for i = 1, before do cells[i] = 0 end
    unpack_into(cells, before, item, size, row, 6, span)
    for i = before + span + 1, n do cells[i] = 0 end
    return cells, n
  end
  local item, size = '<I2I4', 6
  if tag == 'T' then item, size = '<I2I8', 10 end
  for i = 1, n do cells[i] = 0 end
  for at = 4, #row, size do
    local cell, count = struct.unpack(item, row, at)
    cells[cell + 1] = count
  end
  return cells, n
end

local function write_counts(cells, n)
  local hit, largest, first, last = 0, 0, nil, 0
  for i = 1, n do
    local count = cells[i]
    if count ~= 0 then
      hit = hit + 1
      first = first or i
      last = i
      if count > largest then largest = count end
    end
  end
  local head = struct.pack('<I2', n)
  if hit == 0 then return 'S' .. head end
  local wide = largest > U32_MAX
  local tag = (wide and 'W') or (largest > U16_MAX and 'D') or 'C'
  local item, size = DENSE[tag][1], DENSE[tag][2]
  if 2 + (last - first + 1) * size <= hit * (wide and 10 or 6) then
    return tag .. head .. struct.pack('<I2', first - 1) .. pack_range(item, cells, first, last)
  end
  item = wide and '<I2I8' or '<I2I4'
  local out = {wide and 'T' or 'S', head}
  for i = first, last do
    if cells[i] ~= 0 then out[#out + 1] = struct.pack(item, i - 1, cells[i]) end
  end
  return table.concat(out)
end

local function merge_counts(a, b)
  local cells, n = read_counts(a)
  local more, m = read_counts(b)
  if m ~= n then return nil, 'rows of ' .. n .. ' and ' .. m .. ' cells cannot be added' end
  for i = 1, n do cells[i] = cells[i] + more[i] end
  return write_counts(cells, n)
end

-- sums: tag, then 16 bytes a value, little-endian two's complement; added in limbs of 32 bits
local function merge_sums(a, b)
  local n = (#a - 1) / 4
  if #a ~= #b then return nil, 'rows of sums differ in length' end
  local x = unpack_values('I4', 4, a, 2, n)
  local y = unpack_values('I4', 4, b, 2, n)
  for i = 1, n, 4 do
    local carry = 0
    for j = i, i + 3 do
      local limb = x[j] + y[j] + carry
      carry = limb >= LIMB and 1 or 0
      x[j] = limb - carry * LIMB
    end
  end
  return 'L' .. pack_values('I4', x, n)
end

local function merge_maxima(a, b)
  local n = (#a - 1) / 8
  if #a ~= #b then return nil, 'rows of maxima differ in length' end
  local x = unpack_values('d', 8, a, 2, n)
  local y = unpack_values('d', 8, b, 2, n)
  for i = 1, n do if y[i] > x[i] then x[i] = y[i] end end
  return 'M' .. pack_values('d', x, n)
end

local function merge_integers(a, b)
  local n = (#a - 1) / 8
  if #a ~= #b then return nil, 'rows of integers differ in length' end
  local x = unpack_values('d', 8, a, 2, n)
  local y = unpack_values('d', 8, b, 2, n)
  for i = 1, n do x[i] = x[i] + y[i] end
  return 'A' .. pack_values('d', x, n)
end

-- bottom-k: tag, u16 bound, then hash and count of each; both are sorted by hash, so they are merged
-- like sorted lists. A hash among the `bound` smallest of the whole is among those of every part.
local function merge_bottom_k(a, b)
  local bound = struct.unpack('<I2', a, 2)
  if struct.unpack('<I2', b, 2) ~= bound then return nil, 'samples of different bounds' end
  local n, m = (#a - 3) / 4, (#b - 3) / 4
  local x = unpack_values('I4', 4, a, 4, n)
  local y = unpack_values('I4', 4, b, 4, m)
  local out, i, j = {}, 1, 1
  while #out < 2 * bound and (i <= n or j <= m) do
    local p, q = x[i], y[j]
    if q == nil or (p ~= nil and p < q) then
      out[#out + 1], out[#out + 2] = p, x[i + 1]
      i = i + 2
    elseif p == nil or q < p then
      out[#out + 1], out[#out + 2] = q, y[j + 1]
      j = j + 2
    else
      out[#out + 1], out[#out + 2] = p, math.min(x[i + 1] + y[j + 1], U32_MAX)
      i, j = i + 2, j + 2
    end
  end
  return 'B' .. struct.pack('<I2', bound) .. pack_values('I4', out, #out)
end

local function merge_registers(a, b)
  if #a ~= #b then return nil, 'rows of registers differ in length' end
  local out = {}
  for first = 2, #a, RUN do
    local last = math.min(first + RUN - 1, #a)
    local x, y = {string.byte(a, first, last)}, {string.byte(b, first, last)}
    for i = 1, #x do if y[i] > x[i] then x[i] = y[i] end end
    out[#out + 1] = string.char(unpack(x))
  end
  return 'H' .. table.concat(out)
end

-- names: tag, then MessagePack [bound, other, {name: count}]. A name is kept when its SHA-1 is among
-- the `bound` smallest; the rest is `other`. Whether a name survives does not depend on the order of
-- merging: a name of the final set was among the smallest of every part of it.
local function bounded_names(bound, other, names)
  local kept = 0
  for _ in pairs(names) do kept = kept + 1 end
  if kept > bound then
    local order = {}
    for name in pairs(names) do order[#order + 1] = {redis.sha1hex(name), name} end
    table.sort(order, function(p, q) return p[1] < q[1] end)
    for i = bound + 1, #order do
      local name = order[i][2]
      other = other + names[name]
      names[name] = nil
    end
  end
  if next(names) == nil then -- as a map: cmsgpack takes an empty table for an array
    return 'N\147' .. cmsgpack.pack(bound) .. cmsgpack.pack(other) .. '\128'
  end
  return 'N' .. cmsgpack.pack({bound, other, names})
end

local function merge_names(a, b)
  local x = cmsgpack.unpack(string.sub(a, 2))
  local y = cmsgpack.unpack(string.sub(b, 2))
  local bound, other, names = x[1], x[2] + y[2], x[3]
  for name, count in pairs(y[3]) do names[name] = (names[name] or 0) + count end
  return bounded_names(bound, other, names)
end

local MERGE = {
  S = merge_counts, T = merge_counts, C = merge_counts, D = merge_counts, W = merge_counts,
  L = merge_sums, M = merge_maxima, N = merge_names,
  A = merge_integers, B = merge_bottom_k, H = merge_registers,
}

local function merge(old, new)
  if not old then return new end
  local how = MERGE[string.sub(old, 1, 1)]
  if not how or how ~= MERGE[string.sub(new, 1, 1)] then
    return nil, 'rows of different kinds cannot be added'
  end
  return how(old, new)
end

-- What the hash at key holds after `fields` (a flat list name, row, name, row, …) are merged into it,
-- as such a list. Nothing is written, so that a caller can merge everything before it writes anything.
local function merged_fields(key, fields)
  local names, out = {}, {}
  for i = 1, #fields, 2 do names[#names + 1] = fields[i] end
  local done = 0
  while done < #names do
    local run = math.min(RUN, #names - done)
    local stored = redis.call('HMGET', key, unpack(names, done + 1, done + run))
    for i = 1, run do
      local row, problem = merge(stored[i], fields[2 * (done + i)])
      if not row then return nil, problem .. ' (' .. key .. ' ' .. names[done + i] .. ')' end
      out[#out + 1] = names[done + i]
      out[#out + 1] = row
    end
    done = done + run
  end
  return out
end

-- Number of a change of a model version, microseconds of the clock: rises with every change, and does
-- not come back when Redis lost the last ones, or all. So a pane whose number was seen before has the
-- content seen before.
local function next_sequence(meta)
  local now = redis.call('TIME')
  local before = tonumber(redis.call('HGET', meta, 'sequence') or 0)
  local sequence = math.max(before + 1, now[1] * 1000000 + now[2])
  redis.call('HSET', meta, 'sequence', string.format('%.0f', sequence))
  return sequence
end

local function write_fields(key, fields)
  for first = 1, #fields, 2 * RUN do
    redis.call('HSET', key, unpack(fields, first, math.min(first + 2 * RUN - 1, #fields)))
  end
end

-- Figures that users send along, of which a pane keeps FIGURES_MAX: the names with the smallest hashes.
-- A name that stays in the end was never among those that go. `patterns` find the name in a field.
local FIGURES_MAX = 64

local function bound_figures(key, fields, patterns)
  local function figure_of(field)
    for _, pattern in ipairs(patterns) do
      local name = string.match(field, pattern)
      if name then return name end
    end
  end
  local sent = false
  for i = 1, #fields, 2 do sent = sent or figure_of(fields[i]) end
  if not sent then return end
  local stored, seen, order = redis.call('HKEYS', key), {}, {}
  for _, field in ipairs(stored) do
    local name = figure_of(field)
    if name and not seen[name] then
      seen[name] = true
      order[#order + 1] = {redis.sha1hex(name), name}
    end
  end
  table.sort(order, function(p, q) return p[1] < q[1] end)
  local gone = {}
  for i = FIGURES_MAX + 1, #order do gone[order[i][2]] = true end
  if next(gone) == nil then return end
  for _, field in ipairs(stored) do
    local name = figure_of(field)
    if name and gone[name] then redis.call('HDEL', key, field) end
  end
end

local EVENT_FIGURES = {'^mx:(.*)$', '^mh?:(.*):%-?%d+$'}
local LABEL_FIGURES = {'^x:metric%.(.*):%-?%d+$', '^h:(.*):%d+$'}
