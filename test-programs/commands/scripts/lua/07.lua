-- Text beyond ASCII; patterns; packing.
local text = "Grüße, мир, 世界, 🎉"
print(text, #text, utf8.len(text), text:upper())
for position, code in utf8.codes("é世🎉") do io.write(position, ":", ("U+%04X"):format(code), " ") end
print(utf8.char(228, 19990, 127881), utf8.codepoint(text, 3), utf8.offset(text, 4))
print(utf8.len("\xff"), pcall(utf8.codepoint, "\xff"))
print(("key = value; k2=v2"):gsub("(%w+)%s*=%s*(%w+)", "%2<-%1"))
for word in ("the quick brown fox"):gmatch("%a+") do io.write("[", word:reverse(), "]") end
print(("f(a(b)c)d"):match("%b()"), ("THE (quick) fox"):find("%((%a+)%)"), ("x"):rep(3, "-"))
print(("%q %5.2f %-5s| %x %g %i %c %s"):format("a\n\0b", 3.14159, "ab", 255, 1e20, 42, 65, nil))
print(string.unpack("<i4 z s1", string.pack("<i4 z s1", -2, "zero", "short")))
print(pcall(string.rep, "x", 1 << 40))
print(tostring(2^53), 2^63 == math.maxinteger + 1.0, math.tointeger("8"), 0x7fffffffffffffff + 1, 1e15, 0.1)
