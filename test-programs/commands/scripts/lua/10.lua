-- Deep recursion, the collector, weak tables, load, many values, debug information.
local function down(n) return 1 + down(n + 1) end
local ok, message = pcall(down, 0)
print(ok, message:match("stack overflow"))
local function tail(n) if n == 0 then return "tail" end return tail(n - 1) end
print(tail(1000000))
print(pcall(string.rep, nil), pcall(function() return ("x"):rep(100):match(("(.-)"):rep(40)) end))
local weak = setmetatable({}, { __mode = "v" })
weak[1], weak[2] = {}, "kept"
local finalized = 0
for i = 1, 1000 do setmetatable({}, { __gc = function() finalized = finalized + 1 end }) end
collectgarbage() collectgarbage()
print(weak[1], weak[2], finalized, collectgarbage("count") > 100)
collectgarbage("generational")
local junk = 0
for i = 1, 200000 do junk = junk + #{ i, tostring(i) } end
collectgarbage("incremental")
print(junk)
local chunk = assert(load("local a, b = ... ; x = (x or 0) + a * b return x", "=chunk", "t", { x = 5 }))
print(chunk(2, 3), chunk(4, 5), x)
print(load(string.dump(function(a) return a * 2 end))(21))
print(debug.traceback("here", 1))
local info = debug.getinfo(1, "Sl")
print(info.short_src, info.currentline, debug.getinfo(print).what)
debug.sethook(function(event, line) if line % 2 == 0 then io.write("line ", line, " ") end end, "l")
local a = 1
local b = a + 1
debug.sethook()
print(b)
local parts = {}
for i = 1, 50000 do parts[i] = i % 10 end
print(#table.concat(parts), os.getenv("HOME"), type(os.time()), os.date("!%Y-%m-%d", 86400))
error(setmetatable({}, { __tostring = function() return "an object as the last error" end }))
