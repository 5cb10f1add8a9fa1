-- The window of a question: what would be done, the diff with its hunks, the keys.

local api = vim.api
local types = require('agent_lsp.types')

local M = {}

local marks = api.nvim_create_namespace('agent_lsp.question')

---@class agent_lsp.Question what is asked, and what the user has chosen so far
---@field asked agent_lsp.Approval
---@field client_id integer
---@field answer fun(decision?: agent_lsp.ApprovalAnswer, error?: lsp.ResponseError)
---@field left_out table<string, boolean> the hunks that the user does not want
---@field owners table<integer, string> the hunk of a line in the buffer
---@field shown_at? integer milliseconds

---@param question agent_lsp.Question
---@return agent_lsp.DiffHunk[]
local function hunks_of(question)
  local diff = question.asked.diff
  return diff and #diff == 1 and diff[1].hunks or {}
end

---The hunks that the user wants.
---@param question agent_lsp.Question
---@return string[]? ids; nil for all of them
function M.chosen(question)
  if not next(question.left_out) then
    return nil
  end
  local ids = {}
  for _, hunk in ipairs(hunks_of(question)) do
    if not question.left_out[hunk.id] then
      table.insert(ids, hunk.id)
    end
  end
  return ids
end

---@param question agent_lsp.Question
---@param buf integer
local function mark_hunks(question, buf)
  if #hunks_of(question) < 2 then
    return
  end
  api.nvim_buf_clear_namespace(buf, marks, 0, -1)
  local seen = {}
  for row = 1, api.nvim_buf_line_count(buf) do
    local id = question.owners[row]
    local out = id and question.left_out[id]
    if out then
      local dimmed = { end_row = row, hl_group = 'Comment', hl_eol = true, priority = 5000 }
      api.nvim_buf_set_extmark(buf, marks, row - 1, 0, dimmed)
    end
    if id and not seen[id] then
      seen[id] = true
      local box = out and { '[ ] left out', 'Comment' } or { '[x] hunk ' .. id, 'Special' }
      api.nvim_buf_set_extmark(buf, marks, row - 1, 0, { virt_text = { box }, virt_text_pos = 'right_align' })
    end
  end
end

---@param question agent_lsp.Question
---@return string[]
local function text_of(question)
  local asked = question.asked
  local lines = { '# ' .. asked.title }
  local taint = asked.taint and 'untrusted text was read before: ' .. asked.taint
  if taint then
    table.insert(lines, '# ' .. taint)
  end
  if asked.document then
    table.insert(lines, '# all of it: ' .. vim.uri_to_fname(asked.document))
  end
  if vim.list_contains(asked.choices, types.choice.allow_session) then
    table.insert(lines, '# s allows, until the session ends: ' .. asked.sessionRule)
  end
  if vim.list_contains(asked.choices, types.choice.allow_always) then
    table.insert(lines, '# A allows for good: ' .. asked.alwaysRule)
  end
  local detail = vim.split(asked.detail:gsub('\n$', ''), '\n', { plain = true })
  question.owners = {}
  for index, id in pairs(require('agent_lsp.hunks').owners(detail, hunks_of(question))) do
    question.owners[#lines + index] = id
  end
  vim.list_extend(lines, detail)
  return asked.reason == taint and lines or vim.list_extend(lines, { '', '# ' .. asked.reason })
end

---@param question agent_lsp.Question
---@return integer
local function first_hunk(question)
  local rows = vim.tbl_keys(question.owners)
  table.sort(rows)
  return rows[1] or 1
end

---@param question agent_lsp.Question
---@return string
local function legend(question)
  local for_session = vim.list_contains(question.asked.choices, types.choice.allow_session)
  local for_good = vim.list_contains(question.asked.choices, types.choice.allow_always)
  return table.concat({
    ' a allow',
    for_session and '  s for the session' or '',
    for_good and '  A for good' or '',
    '  r reject  R and say why',
    #hunks_of(question) > 1 and '  <Space> hunk' or '',
    '  q later%<',
  })
end

---Opens the window below all others and leaves the focus where it is.
---@param question agent_lsp.Question
---@param keys table<string, fun()>
---@return integer buf
function M.open(question, keys)
  local lines = text_of(question)
  local buf = api.nvim_create_buf(false, true)
  vim.bo[buf].bufhidden = 'wipe'
  vim.bo[buf].undolevels = -1
  api.nvim_buf_set_lines(buf, 0, -1, false, lines)
  vim.bo[buf].filetype = question.asked.diff and 'diff' or ''
  vim.bo[buf].modifiable = false
  api.nvim_buf_set_name(buf, ('agent-lsp://question/%d'):format(buf))
  for key, action in pairs(keys) do
    vim.keymap.set('n', key, action, { buffer = buf, nowait = true })
  end
  local win = require('agent_lsp.below').open(
    buf,
    { winbar = legend(question), winfixheight = true, number = false, relativenumber = false }
  )
  api.nvim_win_set_cursor(win, { first_hunk(question), 0 })
  mark_hunks(question, buf)
  return buf
end

---Takes the hunk under the cursor out of what is allowed, or in again.
---@param question agent_lsp.Question
---@return boolean whether there is one
function M.toggle(question)
  local id = question.owners[api.nvim_win_get_cursor(0)[1]]
  if #hunks_of(question) < 2 or not id then
    return false
  end
  question.left_out[id] = not question.left_out[id] or nil
  mark_hunks(question, 0)
  return true
end

return M
