-- What every script of test_neovim.py begins with: the plugin, what it said, and waiting for conditions.

vim.opt.runtimepath:prepend(vim.env.E2E_PLUGIN)
vim.cmd.runtime('plugin/agent_lsp.lua')

T = { notes = {} }

T.cmd = { vim.env.E2E_PYTHON, '-m', 'agent_lsp', 'serve' }
require('agent_lsp').setup({ cmd = T.cmd, root_markers = { 'root' } })

vim.notify = function(message)
  table.insert(T.notes, message)
end

function T.chat()
  local texts = {}
  for _, buf in ipairs(vim.api.nvim_list_bufs()) do
    local name = vim.api.nvim_buf_get_name(buf)
    if name:find('^agent%-lsp://') and not name:find('/question/') then
      table.insert(texts, table.concat(vim.api.nvim_buf_get_lines(buf, 0, -1, false), '\n'))
    end
  end
  return table.concat(texts, '\n')
end

function T.question_window()
  for _, win in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_buf_get_name(vim.api.nvim_win_get_buf(win)):find('/question/') then
      return win
    end
  end
end

function T.question()
  local window = assert(T.question_window(), 'no question is shown')
  local buf = vim.api.nvim_win_get_buf(window)
  return table.concat(vim.api.nvim_buf_get_lines(buf, 0, -1, false), '\n')
end

function T.wait(what, condition, milliseconds)
  if not vim.wait(milliseconds or 40000, condition, 5) then
    error(('never came: %s\nchat: %s\nsaid: %s'):format(what, T.chat(), vim.inspect(T.notes)))
  end
end

function T.ends(count)
  T.wait(count .. ' ends of turns', function()
    return select(2, T.chat():gsub('\n— ', '')) >= count
  end)
end

function T.asked()
  T.wait('a question', T.question_window)
end

-- The plugin takes no command as an answer to a question that has only just come.
function T.answer(command)
  T.wait('the answer to be taken', function()
    vim.cmd(command)
    return not T.question_window()
  end)
end

-- As a user who went there with the cursor.
function T.press(keys)
  local window = assert(T.question_window(), 'no question is shown')
  vim.api.nvim_set_current_win(window)
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(keys, true, true, true), 'x', false)
end

function T.client()
  return vim.lsp.get_clients({ name = 'agent-lsp' })[1]
end

function T.pid()
  local children = vim.api.nvim_get_proc_children(vim.uv.os_getpid())
  assert(#children == 1, vim.inspect(children))
  return children[1]
end

function T.call(name, params)
  local answer
  T.client():exec_cmd({ title = name, command = name, arguments = { params } }, {}, function(err, result)
    answer = { err = err, result = result }
  end)
  T.wait('an answer to ' .. name, function()
    return answer
  end)
  assert(not answer.err, vim.inspect(answer.err))
  return answer.result
end

function T.entries()
  local sessions = T.call('agent.sessions', vim.empty_dict())
  assert(#sessions == 1, vim.inspect(sessions))
  return T.call('agent.session', { sessionId = sessions[1].sessionId }).entries
end

function T.results()
  local texts = {}
  for _, entry in ipairs(T.entries()) do
    for _, result in ipairs(entry.results or {}) do
      table.insert(texts, result.status .. ': ' .. result.text)
    end
  end
  return texts
end

function T.lines(buf)
  return vim.api.nvim_buf_get_lines(buf or 0, 0, -1, false)
end

function T.finish(result)
  result.notes = T.notes
  vim.fn.writefile({ vim.json.encode(result) }, vim.env.E2E_RESULT)
  vim.cmd('qall!')
end
