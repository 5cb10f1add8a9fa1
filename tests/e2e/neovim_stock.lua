-- What each script of test_neovim_stock.py begins with: the README's lines and nothing else of ours.

-- the stock lines

T = {}

function T.wait(what, condition)
  assert(vim.wait(40000, condition, 5), what .. ' never came')
end

function T.said(words)
  T.wait(words, function()
    return vim.api.nvim_exec2('messages', { output = true }).output:find(words, 1, true)
  end)
end

function T.finish(result)
  vim.fn.writefile({ vim.json.encode(result) }, vim.env.E2E_RESULT)
  vim.cmd('qall!')
end

vim.cmd.edit('poem.txt')
T.poem = vim.api.nvim_get_current_buf()
T.wait('the daemon', function()
  T.client = vim.lsp.get_clients({ bufnr = T.poem })[1]
  return T.client and T.client.initialized
end)

function T.call(command, params)
  local arguments = { params }
  local sent = { command = command, arguments = arguments }
  local answer = T.client:request_sync('workspace/executeCommand', sent, 5000, T.poem)
  return assert(answer.result, vim.inspect(answer))
end

-- As a user who reads before answering: a yes within half a second is asked for again.
function T.select(number, before)
  vim.ui.select = function(items, opts, choose)
    T.question, T.choices = opts.prompt, vim.tbl_map(opts.format_item, items)
    vim.defer_fn(function()
      if before then
        before()
      end
      choose(items[number])
    end, 600)
  end
end

-- Puts a line on top that the daemon does not know of: Neovim gathers changes before it tells of them. The change
-- before it leaves the text as it was, but makes its version one above 0, which Neovim never finds stale.
function T.change_unseen(line)
  local told = false
  vim.api.nvim_create_autocmd('LspNotify', {
    callback = function(args)
      told = told or args.data.method == 'textDocument/didChange'
    end,
  })
  local first = vim.api.nvim_buf_get_lines(T.poem, 0, 1, false)
  vim.api.nvim_buf_set_lines(T.poem, 0, 1, false, { 'passing' })
  vim.api.nvim_buf_set_lines(T.poem, 0, 1, false, first)
  T.wait('the first change', function()
    return told
  end)
  vim.api.nvim_buf_set_lines(T.poem, 0, 0, false, { line })
end
