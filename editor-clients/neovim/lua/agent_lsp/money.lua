-- What something has cost, in words.

local M = {}

---@param usd number? nil where it is not known
---@return string
function M.words(usd)
  if not usd then
    return 'cost unknown'
  end
  return usd > 0 and ('$%.4f'):format(usd) or 'no cost'
end

return M
