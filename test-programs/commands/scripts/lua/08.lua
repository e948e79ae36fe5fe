-- A script that does not compile.
local fine = 1
for i = 1, 3 do
    print(i
end
