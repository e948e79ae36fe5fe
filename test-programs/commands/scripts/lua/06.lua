-- Much output, on both streams.
for i = 1, 20000 do
    print(i, ("%08x"):format(i * 2654435761 % 4294967296), library.words[i])
    if i % 1000 == 0 then io.stderr:write("at ", i, "\n") end
end
io.write(("y"):rep(300000), "\n")
