-- Loads its modules, then evaluates a line of standard input after another.
package.path = "/app/?.lua"
local words = require("words")
local calculator = require("calculator")

for line in io.lines() do
  local ok, answer = pcall(calculator.evaluate, line)
  if ok then
    print(line .. " = " .. words.spell(answer))
  else
    print("error: " .. tostring(answer))
  end
end
