-- One line to the user.

---A longer line would make Neovim wait for Enter, and the next key typed would be lost.
---@param message string
---@param level? integer
return function(message, level)
  local line = vim.trim(('Agent: ' .. message):gsub('%s+', ' '))
  local room = math.max(20, vim.v.echospace)
  if vim.fn.strdisplaywidth(line) > room then
    line = vim.fn.strcharpart(line, 0, room - 1) .. '…'
  end
  vim.notify(line, level or vim.log.levels.INFO)
end
