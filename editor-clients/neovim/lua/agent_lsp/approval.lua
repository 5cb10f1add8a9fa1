-- Questions of the agent: a queue, of which the first is shown; answered by the keys of its window or by commands.

local api = vim.api
local questions = require('agent_lsp.question')
local say = require('agent_lsp.say')
local status = require('agent_lsp.status')
local types = require('agent_lsp.types')

local M = {}

local TOO_QUICK = 500 -- milliseconds; a command typed for the question before is no answer to the next

---@type agent_lsp.Question[]
local queue = {}
---@type integer?
local buf

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
---@return table<string, fun()>
local function keys(question)
  return {
    a = function()
      M.decide(types.choice.allow_once, nil, question)
    end,
    s = function()
      M.decide(types.choice.allow_session, nil, question)
    end,
    A = function()
      M.decide(types.choice.allow_always, nil, question)
    end,
    r = function()
      M.decide(types.choice.reject, nil, question)
    end,
    R = function()
      vim.ui.input({ prompt = 'Tell the agent why: ' }, function(why)
        if why then
          M.decide(types.choice.reject, why, question)
        end
      end)
    end,
    ['<Space>'] = function()
      if not questions.toggle(question) then
        say('there is no hunk to choose here', vim.log.levels.WARN)
      end
    end,
    q = close,
  }
end

---@param question agent_lsp.Question
local function show(question)
  question.shown_at = vim.uv.now()
  buf = questions.open(question, keys(question))
  vim.schedule(require('agent_lsp.chat').follow) -- its window has got smaller
  local more = #queue > 1 and (' (%d wait)'):format(#queue) or ''
  say('may I? :AgentAllow, :AgentReject, or keys in its window' .. more .. ': ' .. question.asked.title)
end

---Shows the question that waits longest, if any.
local function show_next()
  close()
  if queue[1] then
    show(queue[1])
  end
  if vim.startswith(api.nvim_get_mode().mode, 'c') then
    vim.cmd.redraw() -- which Neovim puts off while a command is typed
  end
end

---The command-line window lets no other window open or close.
local function refresh()
  if vim.fn.getcmdwintype() == '' then
    close()
    return vim.schedule(show_next)
  end
  api.nvim_create_autocmd('CmdwinLeave', { once = true, callback = vim.schedule_wrap(show_next) })
end

---@param question agent_lsp.Question
---@return boolean whether it was still open
local function remove(question)
  for index, waiting in ipairs(queue) do
    if waiting == question then
      table.remove(queue, index)
      status.refresh()
      if index == 1 then
        refresh()
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
  if not question or not question.shown_at then
    return say('no question is open', vim.log.levels.WARN)
  end
  local allows = decision ~= types.choice.reject
  local hunks = allows and questions.chosen(question) or nil
  if not vim.list_contains(question.asked.choices, decision) then
    return say('that answer is not offered here: ' .. table.concat(question.asked.choices, ', '), vim.log.levels.WARN)
  end
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
  local unseen = { left_out = {}, owners = {} }
  table.insert(queue, vim.tbl_extend('error', unseen, { asked = asked, client_id = ctx.client_id, answer = answer }))
  status.refresh()
  if #queue == 1 then
    refresh()
  end
  return coroutine.yield()
end

---A question was settled elsewhere, or its turn is over: nobody waits for our answer.
---@param approval_id string
function M.settled(approval_id)
  for _, question in ipairs(queue) do
    if question.asked.approvalId == approval_id then
      remove(question)
      local cancelled = vim.lsp.protocol.ErrorCodes.RequestCancelled
      return question.answer(nil, { code = cancelled, message = 'settled elsewhere' })
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
  if queue[1] and not (buf and vim.fn.bufwinid(buf) ~= -1) then
    refresh()
  end
end

---@return integer how many questions wait
function M.count()
  return #queue
end

return M
