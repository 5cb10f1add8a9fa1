-- Questions of the agent: shown with their diff in a window that never takes the focus, answered by its keys or
-- by commands. Several wait in a queue.

local api = vim.api
local say = require('agent_lsp.say')
local types = require('agent_lsp.types')

local M = {}

local marks = api.nvim_create_namespace('agent_lsp.approval')
local TOO_QUICK = 500 -- milliseconds; a command typed for the question before is no answer to the next

---@class agent_lsp.Question
---@field asked agent_lsp.Approval
---@field client_id integer
---@field answer fun(decision?: agent_lsp.Decision, error?: lsp.ResponseError)
---@field left_out table<string, boolean> the hunks that the user does not want
---@field owners table<integer, string> the hunk of a line in the buffer
---@field shown_at integer

---@type agent_lsp.Question[]
local queue = {}
---@type integer?
local buf

---@param question agent_lsp.Question
---@return agent_lsp.Hunk[]
local function hunks_of(question)
  local diff = question.asked.diff
  return diff and #diff == 1 and diff[1].hunks or {}
end

---@param question agent_lsp.Question
---@return string[]? nil for all of them
local function chosen(question)
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
local function mark_hunks(question)
  if not buf or #hunks_of(question) < 2 then
    return
  end
  api.nvim_buf_clear_namespace(buf, marks, 0, -1)
  local seen = {}
  for row = 1, api.nvim_buf_line_count(buf) do
    local id = question.owners[row]
    local out = id and question.left_out[id]
    if out then
      api.nvim_buf_set_extmark(buf, marks, row - 1, 0, { line_hl_group = 'Comment', end_row = row, hl_group = 'Comment', hl_eol = true, priority = 5000 })
    end
    if id and not seen[id] then
      seen[id] = true
      local box = out and { '[ ] left out', 'Comment' } or { '[x] hunk ' .. id, 'Special' }
      api.nvim_buf_set_extmark(buf, marks, row - 1, 0, { virt_text = { box }, virt_text_pos = 'right_align' })
    end
  end
end

local function close()
  local closing = buf
  buf = nil
  if not closing or not api.nvim_buf_is_valid(closing) then
    return
  end
  if api.nvim_get_current_buf() == closing then
    local before = vim.fn.win_getid(vim.fn.winnr('#'))
    if before ~= 0 then
      api.nvim_set_current_win(before)
    end
  end
  api.nvim_buf_delete(closing, { force = true })
end

---@param question agent_lsp.Question
---@return string[]
local function text_of(question)
  local asked = question.asked
  local lines = { '# ' .. asked.title, '# ' .. asked.reason }
  if vim.list_contains(asked.choices, types.decision.allow_session) then
    table.insert(lines, '# s allows, until the session ends: ' .. asked.sessionRule)
  end
  table.insert(lines, '')
  local detail = vim.split(vim.trim(asked.detail), '\n', { plain = true })
  question.owners = {}
  for index, id in pairs(require('agent_lsp.hunks').owners(detail, hunks_of(question))) do
    question.owners[#lines + index] = id
  end
  return vim.list_extend(lines, detail)
end

---@param question agent_lsp.Question
local function keys(question)
  local actions = {
    a = function()
      M.decide(types.decision.allow_once, nil, question)
    end,
    s = function()
      M.decide(types.decision.allow_session, nil, question)
    end,
    r = function()
      M.decide(types.decision.reject, nil, question)
    end,
    R = function()
      vim.ui.input({ prompt = 'Tell the agent why: ' }, function(why)
        if why then
          M.decide(types.decision.reject, why, question)
        end
      end)
    end,
    ['<Space>'] = function()
      M.toggle(question)
    end,
    q = close,
  }
  for key, action in pairs(actions) do
    vim.keymap.set('n', key, action, { buffer = buf, nowait = true })
  end
end

---@param question agent_lsp.Question
---@return integer
local function first_hunk(question)
  local rows = vim.tbl_keys(question.owners)
  table.sort(rows)
  return rows[1] or 1
end

---@param question agent_lsp.Question
local function open(question)
  local lines = text_of(question)
  buf = api.nvim_create_buf(false, true)
  vim.bo[buf].bufhidden = 'wipe'
  vim.bo[buf].undolevels = -1
  api.nvim_buf_set_lines(buf, 0, -1, false, lines)
  vim.bo[buf].filetype = question.asked.diff and 'diff' or ''
  vim.bo[buf].modifiable = false
  api.nvim_buf_set_name(buf, 'agent-lsp://question/' .. question.asked.approvalId)
  keys(question)
  local most = math.floor(vim.o.lines * require('agent_lsp').settings.approval_height)
  local height = math.max(4, math.min(#lines + 1, most))
  local win = api.nvim_open_win(buf, false, { split = 'below', win = -1, height = height })
  local hunk_key = #hunks_of(question) > 1 and '  <Space> hunk in/out' or ''
  local legend = ' a allow  s for the session  r reject  R reject and say why' .. hunk_key .. '  q later'
  local options = { winbar = legend, winfixheight = true, wrap = false, number = false, signcolumn = 'no' }
  for name, value in pairs(options) do
    vim.wo[win][0][name] = value
  end
  api.nvim_win_set_cursor(win, { first_hunk(question), 0 })
  mark_hunks(question)
end

---The question that waits longest; nothing is opened while the user types in the command-line window, which forbids it.
local function show_next()
  close()
  local question = queue[1]
  if not question then
    return
  end
  if vim.fn.getcmdwintype() ~= '' then
    api.nvim_create_autocmd('CmdwinLeave', { once = true, callback = vim.schedule_wrap(show_next) })
    return
  end
  question.shown_at = vim.uv.now()
  open(question)
  local more = #queue > 1 and (' (%d wait)'):format(#queue) or ''
  say('may I? :AgentAllow, :AgentReject, or keys in its window' .. more .. ': ' .. question.asked.title)
end

---@param question agent_lsp.Question
---@return boolean whether it was still open
local function remove(question)
  for index, waiting in ipairs(queue) do
    if waiting == question then
      table.remove(queue, index)
      if index == 1 then
        vim.schedule(show_next)
        close()
      end
      return true
    end
  end
  return false
end

---Answers a question, by default the one that is shown.
---@param decision string
---@param feedback? string
---@param question? agent_lsp.Question
function M.decide(decision, feedback, question)
  local by_command = not question
  question = question or queue[1]
  if not question then
    return say('no question is open', vim.log.levels.WARN)
  end
  local allows = decision ~= types.decision.reject
  local hunks = allows and chosen(question) or nil
  if by_command and allows and vim.uv.now() - question.shown_at < TOO_QUICK then
    return say('this question has only just come: look at it first', vim.log.levels.WARN)
  end
  if hunks and #hunks == 0 then
    return say('no hunk is chosen: r rejects', vim.log.levels.WARN)
  end
  if remove(question) then
    question.answer({ decision = decision, feedback = feedback ~= '' and feedback or nil, hunks = hunks })
  end
end

---Takes the hunk under the cursor out of what is allowed, or in again.
---@param question agent_lsp.Question
function M.toggle(question)
  local id = question.owners[api.nvim_win_get_cursor(0)[1]]
  if #hunks_of(question) < 2 or not id then
    return say('there is no hunk to choose here', vim.log.levels.WARN)
  end
  question.left_out[id] = not question.left_out[id] or nil
  mark_hunks(question)
end

---Handles `agent/requestApproval`. Neovim runs it in a coroutine and sends what it returns, whenever that is.
---@param asked agent_lsp.Approval
---@param ctx lsp.HandlerContext
function M.ask(_, asked, ctx)
  local handler = assert(coroutine.running())
  local function answer(decision, error)
    vim.schedule(function()
      assert(coroutine.resume(handler, decision, error))
    end)
  end
  local question =
    { asked = asked, client_id = ctx.client_id, answer = answer, left_out = {}, owners = {}, shown_at = vim.uv.now() }
  table.insert(queue, question)
  if #queue == 1 then
    vim.schedule(show_next)
  end
  return coroutine.yield()
end

---A question was settled elsewhere, or its turn is over: nobody waits for our answer.
---@param approval_id string
function M.settled(approval_id)
  for _, question in ipairs(queue) do
    if question.asked.approvalId == approval_id then
      remove(question)
      return question.answer(nil, { code = vim.lsp.protocol.ErrorCodes.RequestCancelled, message = 'settled elsewhere' })
    end
  end
end

---The daemon that asked is gone.
---@param client_id integer
function M.drop(client_id)
  for _, question in ipairs(vim.list_slice(queue)) do
    if question.client_id == client_id then
      remove(question)
    end
  end
end

---Opens the window again that the user closed.
function M.show()
  if queue[1] and not (buf and api.nvim_buf_is_valid(buf)) then
    show_next()
  end
end

---@return integer how many questions wait
function M.count()
  return #queue
end

return M
