-- What was loaded before the script was read.
print(library.encode({ list = { 1, 2.5, "x\ty" }, name = "Ünïcode", nested = { a = true } }))
local value = library.decode('{"a": [1, -2e3, "q\\u00e9\\n"], "b": {"c": null, "d": false}}')
print(#value.a, value.a[2], value.a[3], value.b.c, value.b.d)
print(library.decode('{"a": [1, }'))
print(library.decode("tru"))
print(#library.words, #library.index[library.words[1]], library.words[20000])
print(library.counter(), library.counter())
print(_VERSION, #arg, math.type(1), math.type(1.0), 7 // 2, 7.0 // 2, -7 % 3, 1 << 62)
