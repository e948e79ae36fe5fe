-- Files, first touched after the freeze.
for line in io.lines("/app/notes.txt") do print(#line, line) end
local file = assert(io.open("/app/notes.txt", "rb"))
print(file:seek("end"), file:seek("set", 6), file:read(4), file:read("l"), file:read("n"), file:read("a"):sub(-9))
file:close()
print(io.open("/app/none"))
print(pcall(io.lines, "/none/at/all"))
print(io.type(file), io.type(io.stdout), io.type(1))
print(pcall(require, "absent"))
print(select(2, load("return 1 +")), dofile == nil, package.path)
