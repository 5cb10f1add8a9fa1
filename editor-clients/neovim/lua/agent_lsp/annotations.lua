---@meta
-- The plugin's own types; those of the daemon's contract are in types.lua.

---@alias agent_lsp.SettingValue string|number|boolean|table a table is a list of texts, or a table by name

---@class agent_lsp.Settings
---@field cmd string[] the daemon and its arguments
---@field root_markers string[] what lies in a workspace's root folder
---@field chat_width number the answer's share of the columns
---@field approval_height number the question's share of the lines, at most
---@field settings table<string, agent_lsp.SettingValue> the daemon's settings, by the names they have in its files
---@field env table<string, string> more of the daemon's environment

---@class agent_lsp.Workspace one root folder, its daemon and its session
---@field root string
---@field client_id? integer
---@field session_id? string
---@field turns table<string, boolean> the turns that run
---@field waiting fun(client: vim.lsp.Client)[] what is to be done once the daemon has answered `initialize`
---@field ready boolean
---@field told_digest? string of what the user was told that it waits for trust

---@class agent_lsp.Selection lines from 1 on; bytes from 0 on, up to but without `last_byte`
---@field first_line integer
---@field first_byte integer
---@field last_line integer
---@field last_byte integer
