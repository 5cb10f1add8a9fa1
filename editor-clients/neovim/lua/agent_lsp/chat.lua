-- The answer as it streams: a scratch buffer for each session, in a window that never takes the focus.

local api = vim.api
local money = require('agent_lsp.money')
local types = require('agent_lsp.types')

local M = {}

local marks = api.nvim_create_namespace('agent_lsp.chat')
local MOST_PRINTED = 4000

---@class agent_lsp.Chat
---@field buf integer
---@field lines table<string, integer> the extmark of the line that stands for a call or a question
---@field printed table<string, string> the end of what a call has printed
---@field answering boolean whether the last thing shown is the answer's text

---@type table<string, agent_lsp.Chat>
local chats = {}

---@param session_id string
---@param root string
---@return agent_lsp.Chat
local function opened(session_id, root)
  local chat = chats[session_id]
  if chat and api.nvim_buf_is_loaded(chat.buf) then
    return chat
  end
  local buf = api.nvim_create_buf(false, true)
  api.nvim_buf_set_name(buf, ('agent-lsp://%s/%d'):format(vim.fs.basename(root), vim.tbl_count(chats) + 1))
  vim.bo[buf].undolevels = -1
  -- Not the file type `markdown`: plug-ins that load the pictures of such files would fetch what an answer names.
  vim.bo[buf].filetype = 'agent_lsp_chat'
  vim.bo[buf].syntax = 'markdown'
  api.nvim_buf_call(buf, function()
    vim.cmd('silent! syntax clear markdownError')
  end) -- snake_case is no error
  vim.bo[buf].modifiable = false
  vim.b[buf].agent_lsp_root = root
  chats[session_id] = { buf = buf, lines = {}, printed = {}, answering = false }
  return chats[session_id]
end

---@return integer?
local function window()
  for _, win in ipairs(api.nvim_tabpage_list_wins(0)) do
    if vim.w[win].agent_lsp_chat then
      return win
    end
  end
end

---@param buf integer
---@return integer
local function open(buf)
  local width = math.floor(vim.o.columns * require('agent_lsp').settings.chat_width)
  local win = api.nvim_open_win(buf, false, { split = 'right', win = -1, width = width })
  vim.w[win].agent_lsp_chat = true
  local options =
    { wrap = true, linebreak = true, number = false, relativenumber = false, signcolumn = 'no', conceallevel = 0 }
  for name, value in pairs(options) do
    vim.wo[win][0][name] = value
  end
  return win
end

---@param buf integer
local function show(buf)
  local win = window() or open(buf)
  if api.nvim_win_get_buf(win) ~= buf then
    api.nvim_win_set_buf(win, buf)
  end
  api.nvim_win_set_cursor(win, { api.nvim_buf_line_count(buf), 0 })
end

---Windows that show the end go on showing it.
---@param buf integer
---@param change fun()
local function following(buf, change)
  local last = api.nvim_buf_line_count(buf)
  local at_end = vim.tbl_filter(function(win)
    return api.nvim_win_get_cursor(win)[1] == last
  end, vim.fn.win_findbuf(buf))
  vim.bo[buf].modifiable = true
  change()
  vim.bo[buf].modifiable = false
  for _, win in ipairs(at_end) do
    api.nvim_win_set_cursor(win, { api.nvim_buf_line_count(buf), 0 })
  end
end

---@param chat agent_lsp.Chat
---@param text string
local function append(chat, text)
  following(chat.buf, function()
    api.nvim_buf_set_text(chat.buf, -1, -1, -1, -1, vim.split(text, '\n', { plain = true }))
  end)
end

---@param chat agent_lsp.Chat
---@return string
local function last_line(chat)
  return api.nvim_buf_get_lines(chat.buf, -2, -1, false)[1]
end

---A line of its own; a later `settle` with the same key replaces it.
---@param chat agent_lsp.Chat
---@param line string
---@param key? string
local function add_line(chat, line, key)
  if chat.answering and last_line(chat) ~= '' then
    append(chat, '\n')
  end
  chat.answering = false
  append(chat, (last_line(chat) == '' and '' or '\n') .. line:gsub('%c', ' '))
  if key then
    chat.lines[key] = api.nvim_buf_set_extmark(chat.buf, marks, api.nvim_buf_line_count(chat.buf) - 1, 0, {})
  end
end

---@param chat agent_lsp.Chat
---@param key string
---@param line string
local function settle(chat, key, line)
  local place = chat.lines[key] and api.nvim_buf_get_extmark_by_id(chat.buf, marks, chat.lines[key], {})
  chat.lines[key] = nil
  if place and place[1] then
    following(chat.buf, function()
      api.nvim_buf_set_lines(chat.buf, place[1], place[1] + 1, false, { (line:gsub('%c', ' ')) })
    end)
  end
end

---@param chat agent_lsp.Chat
---@param prompt string
local function quote(chat, prompt)
  append(chat, (last_line(chat) == '' and '' or '\n\n') .. '> ' .. prompt:gsub('\n', '\n> ') .. '\n\n')
  chat.answering = false
end

---@param event agent_lsp.AgentEvent
---@return string
local function outcome(event)
  local reason = event.stopReason == types.stop_reason.end_turn and 'done' or event.stopReason:gsub('_', ' ')
  local usage = event.usage or { inputTokens = 0, outputTokens = 0, steps = 0 }
  local tokens = usage.inputTokens + usage.outputTokens
  local steps = usage.steps == 1 and '1 step' or usage.steps .. ' steps'
  local parts = { reason, steps, tokens .. ' tokens', money.words(not event.costUnknown and (event.cost or 0) or nil) }
  local go_on = event.stopReason == types.stop_reason.budget_spent and '\n:AgentContinue goes on' or ''
  return table.concat(parts, ' · ') .. (event.error and '\n\n' .. event.error.message or '') .. go_on
end

---What the daemon says at the end of a command's output: a failure, what was taken back.
---@param printed? string
---@return string
local function notes(printed)
  local found = {}
  for _, line in ipairs(vim.fn.reverse(vim.split(printed or '', '\n', { plain = true, trimempty = true }))) do
    local note = line:match('^%[(.+)%]$')
    if not note then
      break
    end
    table.insert(found, 1, note)
  end
  return #found > 0 and ': ' .. table.concat(found, '; ') or ''
end

---@type table<string, fun(chat: agent_lsp.Chat, event: agent_lsp.AgentEvent)>
local shown = {
  [types.event_kind.turn_started] = function(chat, event)
    quote(chat, event.prompt)
    show(chat.buf)
  end,
  [types.event_kind.prompt_joined] = function(chat, event)
    quote(chat, event.prompt)
  end,
  [types.event_kind.text_delta] = function(chat, event)
    local gap = not chat.answering and last_line(chat) ~= '' and '\n\n' or ''
    append(chat, gap .. event.text)
    chat.answering = true
  end,
  [types.event_kind.tool_call_started] = function(chat, event)
    add_line(chat, '· ' .. event.title, event.callId)
  end,
  [types.event_kind.tool_call_output] = function(chat, event)
    chat.printed[event.callId] = ((chat.printed[event.callId] or '') .. event.text):sub(-MOST_PRINTED)
  end,
  [types.event_kind.tool_call_finished] = function(chat, event)
    local done = event.status == types.result_status.done
    local told = done and notes(chat.printed[event.callId]) or ': ' .. event.result
    chat.printed[event.callId] = nil
    settle(chat, event.callId, (done and '✓ ' or '✗ ') .. event.title .. told)
  end,
  [types.event_kind.approval_requested] = function(chat, event)
    add_line(chat, '? ' .. event.title, event.approvalId)
  end,
  [types.event_kind.approval_decided] = function(chat, event)
    local words = event.answered and event.decision:gsub('_', ' ') or 'nobody answered'
    settle(chat, event.approvalId, '  ' .. words)
  end,
  [types.event_kind.retrying] = function(chat, event)
    add_line(chat, ('· %s; again in %.1f s'):format(event.reason, event.seconds))
  end,
  [types.event_kind.turn_finished] = function(chat, event)
    append(chat, (last_line(chat) == '' and '' or '\n\n') .. '— ' .. outcome(event))
    chat.answering = false
  end,
}

---Shows an event of a turn.
---@param event agent_lsp.AgentEvent
---@param root string
function M.take(event, root)
  local show_event = shown[event.kind]
  if show_event then
    show_event(opened(event.sessionId, root), event)
  end
end

---Shows a session from its beginning, in the place of what was shown of it.
---@param session_id string
---@param root string
---@param events agent_lsp.AgentEvent[]
function M.replay(session_id, root, events)
  local chat = opened(session_id, root)
  following(chat.buf, function()
    api.nvim_buf_set_lines(chat.buf, 0, -1, false, {})
  end)
  chat.lines, chat.printed, chat.answering = {}, {}, false
  for _, event in ipairs(events) do
    shown[event.kind](chat, event)
  end
  show(chat.buf)
end

---Something that is no event: why there was no turn, or why it broke off.
---@param message string
---@param session_id? string
---@param root string
function M.note(message, session_id, root)
  local chat = opened(session_id or '', root)
  append(chat, (last_line(chat) == '' and '' or '\n\n') .. '— ' .. message)
  chat.answering = false
end

---Opens the window of a session's answer.
---@param session_id? string
---@param root string
function M.show(session_id, root)
  show(opened(session_id or '', root).buf)
end

---@param win integer
---@return integer the line at the top when the last one stands at the bottom
local function top_line(win)
  local top, room = api.nvim_buf_line_count(api.nvim_win_get_buf(win)), api.nvim_win_get_height(win)
  while top > 1 do
    room = room - api.nvim_win_text_height(win, { start_row = top - 1, end_row = top - 1 }).all
    if room < api.nvim_win_text_height(win, { start_row = top - 2, end_row = top - 2 }).all then
      break
    end
    top = top - 1
  end
  return top
end

---Shows the end of the answer: Neovim does not scroll a window that gets smaller while it is not the current one.
function M.follow()
  local win = window()
  if win and win ~= api.nvim_get_current_win() then
    local last = api.nvim_buf_line_count(api.nvim_win_get_buf(win))
    api.nvim_win_call(win, function()
      vim.fn.winrestview({ topline = top_line(win), lnum = last, col = 0 })
    end)
  end
end

---@return boolean
function M.visible()
  return window() ~= nil
end

return M
