-- Neovim's Lua; the tests' scripts share one global.
std = 'luajit'
max_line_length = 120
globals = { 'vim' }
files['tests/e2e/*.lua'] = { globals = { 'T', 'vim' } }
