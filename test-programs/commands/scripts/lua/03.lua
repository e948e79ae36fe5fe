-- Coroutines.
local function producer(n)
    return coroutine.create(function(first)
        local got = first
        for i = 1, n do got = coroutine.yield(i, got) end
        return "finished", got
    end)
end
local co = producer(3)
for i = 1, 5 do print(coroutine.resume(co, "v" .. i)) end
print(coroutine.status(co))
local evens = library.filter(library.range(1, 20), function(n) return n % 2 == 0 end)
local out = {}
for n in evens do out[#out + 1] = n end
print(table.concat(out, " "))
local function permute(list, n)
    if n == 0 then coroutine.yield(table.concat(list)) end
    for i = 1, n do
        list[n], list[i] = list[i], list[n]
        permute(list, n - 1)
        list[n], list[i] = list[i], list[n]
    end
end
for p in coroutine.wrap(function() permute({ "a", "b", "c" }, 3) end) do io.write(p, " ") end
print()
local erring = coroutine.create(function() coroutine.yield(1) error("in coroutine") end)
print(coroutine.resume(erring))
print(coroutine.resume(erring))
print(pcall(coroutine.wrap(function() pcall(coroutine.yield, 5) error({}) end)))
local across = coroutine.wrap(function()
    print(pcall(function() coroutine.yield("through pcall") error("after", 0) end))
    table.sort({ 3, 1, 2 }, function(a, b) return a < b end)
    return "end"
end)
print(across()); print(across())
print(coroutine.close(producer(1)), coroutine.isyieldable(), coroutine.running() ~= nil)
