-- A small library to have loaded: JSON, classes, functional tools, a word index.
local library = {}

-- JSON -----------------------------------------------------------------------------------------------------------------

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

function library.encode(value)
    local kind = type(value)
    if kind == "string" then
        return '"' .. value:gsub('[%c"\\]', function(c) return escapes[c] or ("\\u%04x"):format(c:byte()) end) .. '"'
    elseif kind == "table" then
        local parts = {}
        if #value > 0 or next(value) == nil then
            for i, item in ipairs(value) do parts[i] = library.encode(item) end
            return "[" .. table.concat(parts, ",") .. "]"
        end
        local keys = {}
        for key in pairs(value) do keys[#keys + 1] = key end
        table.sort(keys)
        for i, key in ipairs(keys) do parts[i] = library.encode(key) .. ":" .. library.encode(value[key]) end
        return "{" .. table.concat(parts, ",") .. "}"
    elseif kind == "number" or kind == "boolean" or kind == "nil" then
        return value == nil and "null" or tostring(value)
    end
    error("cannot encode a " .. kind, 2)
end

local decode_value

local function skip(text, at) return text:find("%S", at) or #text + 1 end

local function decode_string(text, at)
    local out = {}
    at = at + 1
    while true do
        local stop = text:find('["\\]', at)
        if not stop then error({ message = "unfinished string", at = at }) end
        out[#out + 1] = text:sub(at, stop - 1)
        if text:sub(stop, stop) == '"' then return table.concat(out), stop + 1 end
        local escape = text:sub(stop + 1, stop + 1)
        if escape == "u" then
            out[#out + 1] = utf8.char(tonumber(text:sub(stop + 2, stop + 5), 16))
            at = stop + 6
        else
            out[#out + 1] = ({ n = "\n", r = "\r", t = "\t" })[escape] or escape
            at = stop + 2
        end
    end
end

function decode_value(text, at)
    at = skip(text, at)
    local first = text:sub(at, at)
    if first == "{" or first == "[" then
        local result, close = {}, first == "{" and "}" or "]"
        at = skip(text, at + 1)
        if text:sub(at, at) == close then return result, at + 1 end
        while true do
            local key = #result + 1
            if first == "{" then
                key, at = decode_string(text, skip(text, at))
                at = skip(text, at) + 1
            end
            result[key], at = decode_value(text, at)
            at = skip(text, at)
            local separator = text:sub(at, at)
            at = at + 1
            if separator == close then return result, at end
            if separator ~= "," then error({ message = "expected , or " .. close, at = at - 1 }) end
        end
    elseif first == '"' then
        return decode_string(text, at)
    end
    local word = text:match("^[%w%+%-%.]+", at)
    if not word then error({ message = "expected a value", at = at }) end
    local constants = { ["true"] = true, ["false"] = false }
    if constants[word] ~= nil then return constants[word], at + #word end
    if word == "null" then return nil, at + #word end
    local number = tonumber(word)
    if not number then error({ message = "what is " .. word, at = at }) end
    return number, at + #word
end

function library.decode(text)
    local ok, value = pcall(decode_value, text, 1)
    if ok then return value end
    if type(value) == "table" then return nil, value.message .. " at " .. value.at end
    error(value, 0)
end

-- Classes --------------------------------------------------------------------------------------------------------------

function library.class(parent)
    local class = setmetatable({}, { __index = parent })
    class.__index = class
    class.__tostring = parent and parent.__tostring
    function class.new(...)
        local object = setmetatable({}, class)
        if class.init then class.init(object, ...) end
        return object
    end
    return class
end

-- Functional tools -----------------------------------------------------------------------------------------------------

function library.map(list, f)
    local out = {}
    for i, item in ipairs(list) do out[i] = f(item) end
    return out
end

function library.range(from, to)
    return coroutine.wrap(function() for i = from, to do coroutine.yield(i) end end)
end

function library.filter(iterator, keep)
    return coroutine.wrap(function() for item in iterator do if keep(item) then coroutine.yield(item) end end end)
end

-- A word index ---------------------------------------------------------------------------------------------------------

local syllables = { "ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu" }
library.words, library.index = {}, {}
local seed = 1
for i = 1, 20000 do
    local word = {}
    for j = 1, 2 + seed % 3 do
        seed = (seed * 1664525 + 1013904223) % 4294967296
        word[j] = syllables[(seed >> 8) % #syllables + 1]
    end
    local text = table.concat(word)
    library.words[i] = text
    library.index[text] = library.index[text] or {}
    table.insert(library.index[text], i)
end

-- A coroutine that was begun and waits.
library.counter = coroutine.wrap(function()
    local count = 0
    while true do
        count = count + 1
        coroutine.yield(count)
    end
end)
library.counter()

return library
