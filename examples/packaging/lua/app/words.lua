-- Numbers as words; all below 10,000 are made beforehand.
local words = {}

local units = { [0] = "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
  "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen" }
local tens = { "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety" }

local function below_hundred(n)
  if n < 20 then return units[n] end
  local rest = n % 10
  return tens[n // 10] .. (rest > 0 and "-" .. units[rest] or "")
end

local spelled
function spelled(n)
  local parts = {}
  if n >= 1000 then
    parts[#parts + 1] = spelled(n // 1000) .. " thousand"
    n = n % 1000
  end
  if n >= 100 then
    parts[#parts + 1] = units[n // 100] .. " hundred"
    n = n % 100
  end
  if n > 0 or #parts == 0 then parts[#parts + 1] = below_hundred(n) end
  return table.concat(parts, " ")
end

local known = {}
for n = 0, 9999 do known[n] = spelled(n) end

function words.spell(n)
  local whole = math.tointeger(n)
  if not whole or whole < 0 then return tostring(n) end
  return known[whole] or spelled(whole)
end

return words
