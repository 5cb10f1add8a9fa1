-- Which line of a unified diff belongs to which hunk of an approval.

local M = {}

---@param first integer
---@param text string
---@param line integer
local function within(first, text, line)
  local _, count = text:gsub('\r\n', '\n'):gsub('\r', '\n'):gsub('\n', '\n')
  if text ~= '' and not text:find('[\r\n]$') then
    count = count + 1
  end
  return line >= first and line < first + count
end

---@param hunks agent_lsp.DiffHunk[]
---@param mark string
---@param old integer
---@param new integer
---@return string?
local function owner(hunks, mark, old, new)
  for _, hunk in ipairs(hunks) do
    if mark == '-' and within(hunk.oldStart, hunk.old, old) then
      return hunk.id
    end
    if mark == '+' and within(hunk.newStart, hunk.new, new) then
      return hunk.id
    end
  end
end

---The hunk of each changed line; `lines` is a unified diff from its first `---` on.
---@param lines string[]
---@param hunks agent_lsp.DiffHunk[]
---@return table<integer, string> by index into `lines`
function M.owners(lines, hunks)
  local owners, old, new = {}, nil, nil
  for index, line in ipairs(lines) do
    local old_start, new_start = line:match('^@@ %-(%d+)[,%d]* %+(%d+)')
    local mark = line:sub(1, 1)
    if old_start then
      old, new = tonumber(old_start), tonumber(new_start)
    elseif old and (mark == '-' or mark == '+') then
      owners[index] = owner(hunks, mark, old, new)
    end
    if old and not old_start then
      old = old + ((mark == '-' or mark == ' ') and 1 or 0)
      new = new + ((mark == '+' or mark == ' ') and 1 or 0)
    end
  end
  return owners
end

return M
