-- Changes of rows: what label panes hold after some requests were counted, or counted anew.
-- Loaded between rows.lua and join.lua. Of large rows only what changes is read and written: labels
-- of a week touch all its panes in every call.
local PATCHED_CELLS = 8 -- so many cells of a dense row take as long as the change of one; measured
local PATCHED_PAIRS = 2 -- the same, pairs of a sparse row
local SQUARE_LIMB = 33554432 -- sums of squares come in limbs of 25 bits
local SUMS_FORMAT, NO_SUMS = '<' .. string.rep('I4', 16), 'L' .. string.rep('\0', 64)

local function cells_of(changes)
  local cells = {}
  for cell in pairs(changes) do cells[#cells + 1] = cell end
  table.sort(cells)
  return cells
end

-- Counts of a dense row after a few changes; none where one outgrows its bytes, or lies beside them.
local function patched_dense(old, item, size, changes)
  local cells, out, done = cells_of(changes), {}, 1
  local first = struct.unpack('<I2', old, 4)
  if #cells * PATCHED_CELLS > (#old - 5) / size then return nil end
  for _, cell in ipairs(cells) do
    local at = 6 + (cell - first) * size
    if at < 6 or at >= #old then return nil end
    local count = struct.unpack(item, old, at) + changes[cell]
    if count < 0 or count >= 256 ^ size then return nil end
    out[#out + 1] = string.sub(old, done, at - 1)
    out[#out + 1] = struct.pack(item, count)
    done = at + size
  end
  out[#out + 1] = string.sub(old, done)
  return table.concat(out)
end

-- Where the pair of a cell stands in a sparse row, with its count; or where it belongs.
local function find_pair(row, item, size, cell)
  local low, high = 0, (#row - 3) / size
  while low < high do
    local middle = math.floor((low + high) / 2)
    local found, count = struct.unpack(item, row, 4 + middle * size)
    if found == cell then return 4 + middle * size, count end
    if found < cell then low = middle + 1 else high = middle end
  end
  return 4 + low * size, nil
end

-- A sparse row after a few changes; none where a count outgrows its bytes, or where a dense row may be
-- smaller, its counts being of `dense` bytes or more.
local function patched_sparse(old, item, size, dense, changes)
  local cells, out, done = cells_of(changes), {}, 1
  if #cells * PATCHED_PAIRS > (#old - 3) / size then return nil end
  for _, cell in ipairs(cells) do
    local at, known = find_pair(old, item, size, cell)
    local count = (known or 0) + changes[cell]
    if count < 0 or count >= 256 ^ (size - 2) then return nil end
    out[#out + 1] = string.sub(old, done, at - 1)
    if count > 0 then out[#out + 1] = struct.pack(item, cell, count) end
    done = known and at + size or at
  end
  out[#out + 1] = string.sub(old, done)
  local row = table.concat(out)
  if #row == 3 then return row end
  local first, last = struct.unpack('<I2', row, 4), struct.unpack('<I2', row, #row - size + 1)
  if 2 + (last - first + 1) * dense <= #row - 3 then return nil end
  return row
end

-- A counts row after changes, {[cell] = amount, …} by cell from 0 on, which may take away again.
local function changed_counts(old, n, changes)
  local tag = old and string.sub(old, 1, 1)
  if old and struct.unpack('<I2', old, 2) ~= n then return nil, 'a row of another number of cells' end
  local item, size = '<I2I4', 6
  if tag == 'T' then item, size = '<I2I8', 10 end
  if DENSE[tag] then
    local patched = patched_dense(old, '<' .. DENSE[tag][1], DENSE[tag][2], changes)
    if patched then return patched end
    local cells = read_counts(old)
    for cell, amount in pairs(changes) do cells[cell + 1] = cells[cell + 1] + amount end
    return write_counts(cells, n)
  end
  local patched = old and patched_sparse(old, item, size, tag == 'T' and 8 or 2, changes)
  if patched then return patched end
  local cells = {}
  for at = 4, old and #old or 0, size do
    local cell, count = struct.unpack(item, old, at)
    cells[cell] = count
  end
  for cell, amount in pairs(changes) do cells[cell] = (cells[cell] or 0) + amount end
  local hits, largest = {}, 0
  for cell, count in pairs(cells) do
    if count > 0 then
      hits[#hits + 1] = cell
      if count > largest then largest = count end
    end
  end
  table.sort(hits)
  local wide = largest > U32_MAX
  local tag_of = (wide and 'W') or (largest > U16_MAX and 'D') or 'C'
  if #hits > 0 and 2 + (hits[#hits] - hits[1] + 1) * DENSE[tag_of][2] <= #hits * (wide and 10 or 6) then
    local spread = {}
    for i = 1, n do spread[i] = cells[i - 1] or 0 end
    return write_counts(spread, n)
  end
  item = wide and '<I2I8' or '<I2I4'
  local out = {(wide and 'T' or 'S') .. struct.pack('<I2', n)}
  for _, cell in ipairs(hits) do out[#out + 1] = struct.pack(item, cell, cells[cell]) end
  return table.concat(out)
end

-- A row of names after changes, {[name] = amount, …}, which may take away again.
local function changed_names(old, bound, changes)
  local held = old and cmsgpack.unpack(string.sub(old, 2)) or {bound, 0, {}}
  local names = held[3]
  for name, amount in pairs(changes) do names[name] = (names[name] or 0) + amount end
  for name, count in pairs(names) do
    if count == 0 then
      names[name] = nil
    elseif count < 0 then -- it was among the rest
      held[2] = held[2] + count
      names[name] = nil
    end
  end
  return bounded_names(held[1], held[2], names)
end

-- Add to four limbs of 32 bits, from limb `at` on; two's complement of 128 bits.
local function add_wide(limbs, at, a, b, c, d)
  local first = limbs[at] + a
  local second = limbs[at + 1] + b + math.floor(first / LIMB)
  local third = limbs[at + 2] + c + math.floor(second / LIMB)
  local fourth = limbs[at + 3] + d + math.floor(third / LIMB)
  limbs[at], limbs[at + 1] = first % LIMB, second % LIMB
  limbs[at + 2], limbs[at + 3] = third % LIMB, fourth % LIMB
end

-- A row of exact sums after changes: count; low and high word of the sum, and of that of magnitudes;
-- four limbs of 25 bits of that of squares. All may be negative, and no carries are made yet.
local function changed_sums(old, s)
  if old and (string.sub(old, 1, 1) ~= 'L' or #old ~= #NO_SUMS) then
    return nil, 'rows of different kinds cannot be added'
  end
  local limbs = {struct.unpack(SUMS_FORMAT, old or NO_SUMS, 2)}
  add_wide(limbs, 1, s[1], 0, 0, 0)
  add_wide(limbs, 5, s[2], s[3], 0, 0)
  add_wide(limbs, 9, s[4], s[5], 0, 0)
  local b = s[7] + math.floor(s[6] / SQUARE_LIMB)
  local c = s[8] + math.floor(b / SQUARE_LIMB)
  local d = s[9] + math.floor(c / SQUARE_LIMB)
  add_wide(limbs, 13, s[6] % SQUARE_LIMB + b % SQUARE_LIMB * SQUARE_LIMB, -- bits 0 to 49
    c % SQUARE_LIMB * 262144, d % SQUARE_LIMB * 2048, math.floor(d / SQUARE_LIMB) * 16) -- 50, 75, 100
  return 'L' .. struct.pack(SUMS_FORMAT, unpack(limbs, 1, 16))
end
