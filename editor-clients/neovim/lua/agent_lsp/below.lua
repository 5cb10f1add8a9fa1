-- The window below all others, in which something is put to the user.

local api = vim.api

local M = {}

---Opens it and leaves the focus where it is. Long lines are wrapped: nothing stands beyond the edge, unseen.
---@param buf integer
---@param options? table<string, any> of the window
---@return integer win
function M.open(buf, options)
  local win = api.nvim_open_win(buf, false, { split = 'below', win = -1 })
  for name, value in pairs(vim.tbl_extend('error', { wrap = true }, options or {})) do
    vim.wo[win][0][name] = value
  end
  local most = math.floor(vim.o.lines * require('agent_lsp').settings.approval_height)
  local rows = api.nvim_win_text_height(win, {}).all + (vim.wo[win].winbar ~= '' and 1 or 0)
  api.nvim_win_set_height(win, math.max(4, math.min(rows, most)))
  return win
end

return M
