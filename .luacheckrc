std = "luajit"
max_line_length = 100
read_globals = { "host", "native" }
files["spec/lua"].std = "+busted"
exclude_files = { "build*", ".lunette", "node_modules" }
files["modules/*/spec"].read_globals = { "grant", "sql", "test", "equal", "fails", "null", "log_open", "log_close" }
files["modules/*/*.lua"].read_globals = { "decimals", "misuse", "null" }
files["spec/support"].globals = { "equal", "fails", "grant", "host", "null", "push_module", "test" }
