-- An exit code, with buffered output still to be written.
io.write("leaving")
io.stderr:write("on the way out\n")
setmetatable({}, { __gc = function() print(" collected") end })
os.exit(3, true)
