-- Errors that cross calls, are caught, handled, rethrown, and at last not caught: a traceback and exit code 1.
local function fail(kind) if kind == "table" then error({ code = 42 }) else error("failed: " .. kind, 2) end end
local function middle(kind) local r = fail(kind) return r end
print(pcall(middle, "plain"))
local ok, err = pcall(middle, "table")
print(ok, type(err), err.code)
print(xpcall(middle, function(message) return "handled <" .. message .. ">" end, "handler"))
print(pcall(function() local t = nil; return t.field end))
print(pcall(function() return 1 + {} end))
print(pcall(function() return #5 end))
print(pcall(string.rep))
print(pcall(setmetatable, 1, {}))
print(select("#", pcall(error)))
do
    local guard <close> = setmetatable({}, { __close = function(_, e) print("closed", e) end })
    print(pcall(function()
        local inner <close> = setmetatable({}, { __close = function(_, e) print("inner closed", e) end })
        error("inside", 0)
    end))
end
print(pcall(function() return pcall(function() error(setmetatable({}, { __tostring = function() return "obj" end })) end) end))
io.stdout:flush()
middle("for good")
