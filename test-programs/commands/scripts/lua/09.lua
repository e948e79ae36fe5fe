-- Classes, metatables, closures, sorting, integers.
local Animal = library.class()
function Animal:init(name) self.name = name end
function Animal:speak() return self.name .. " makes a sound" end
local Dog = library.class(Animal)
function Dog:speak() return Animal.speak(self) .. ": woof" end
print(Dog.new("Rex"):speak(), getmetatable(Dog.new("x")) == Dog)
local Vector = {}
Vector.__index = Vector
local function vector(x, y) return setmetatable({ x = x, y = y }, Vector) end
Vector.__add = function(a, b) return vector(a.x + b.x, a.y + b.y) end
Vector.__eq = function(a, b) return a.x == b.x and a.y == b.y end
Vector.__lt = function(a, b) return a.x < b.x end
Vector.__call = function(self, k) return vector(self.x * k, self.y * k) end
Vector.__tostring = function(v) return ("(%g, %g)"):format(v.x, v.y) end
Vector.__concat = function(a, b) return tostring(a) .. tostring(b) end
Vector.__len = function() return 2 end
print(vector(1, 2) + vector(3, 4), vector(1, 2) == vector(1, 2), vector(1, 2)(3) .. "!", #vector(0, 0), vector(1, 0) < vector(2, 0))
local log = setmetatable({}, { __index = function(t, k) local v = k .. "?"; rawset(t, k, v) return v end, __newindex = function(t, k, v) rawset(t, k, v * 2) end })
log.a = 21
print(log.a, log.b, rawget(log, "b"))
local function counter() local n = 0 return function() n = n + 1 return n end end
local one, two = counter(), counter()
print(one(), one(), two())
local list = {}
for i = 1, 500 do list[i] = library.words[i] end
table.sort(list, function(a, b) if #a ~= #b then return #a < #b end return a > b end)
print(list[1], list[250], list[500], table.unpack(list, 2, 4))
print(pcall(table.sort, { 3, 1, "x" }))
local function variadic(...) return select("#", ...), select(-1, ...), ... end
print(variadic(1, nil, 3, nil))
goto done
print("skipped")
::done::
print(next({}), rawlen({ 1, 2 }), rawequal(one, one), math.ult(1, -1), 3 | 4 ~ 1, ~0, 5 // 0.0, -5 % math.huge)
