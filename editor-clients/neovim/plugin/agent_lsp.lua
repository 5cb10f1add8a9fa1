-- The commands; what they do stands in lua/agent_lsp/init.lua and is loaded with the first of them.

if vim.g.loaded_agent_lsp then
  return
end
vim.g.loaded_agent_lsp = true

local command = vim.api.nvim_create_user_command

command('Agent', function(opts)
  require('agent_lsp').ask(opts.args, opts.range > 0 and { opts.line1, opts.line2 } or nil)
end, { nargs = '*', range = true, desc = 'Ask the agent; a range is shown to it' })

command('AgentNew', function(opts)
  require('agent_lsp').new(opts.args)
end, { nargs = '*', desc = 'Begin a new session, and ask in it' })

command('AgentContinue', function()
  require('agent_lsp').continue()
end, { desc = 'Go on where the last turn stopped, at a limit for instance' })

command('AgentCancel', function()
  require('agent_lsp').cancel()
end, { desc = 'Cancel what the agent does' })

command('AgentAllow', function(opts)
  require('agent_lsp').allow(opts.bang)
end, { bang = true, desc = 'Allow what the agent asks for; with ! for the whole session' })

command('AgentReject', function(opts)
  require('agent_lsp').reject(opts.args)
end, { nargs = '*', desc = 'Reject what the agent asks for, and say why' })

command('AgentSessions', function()
  require('agent_lsp').sessions()
end, { desc = 'Go on with another session of this workspace' })

command('AgentUndo', function()
  require('agent_lsp').undo()
end, { desc = 'Take back what the last turn changed' })

command('AgentRedo', function()
  require('agent_lsp').redo()
end, { desc = 'Make again what was taken back' })

command('AgentShow', function()
  require('agent_lsp').show()
end, { desc = 'Open the answer, and the question that waits' })

command('AgentTrust', function(opts)
  require('agent_lsp').trust(opts.bang)
end, { bang = true, desc = 'Show what this workspace would set for the agent, and ask; with ! take the trust back' })
