# Much output, on both streams.
for i in range(20000):
    print(i, hex(i * 2654435761 % 2**32), "x" * (i % 60))
    if i % 1000 == 0:
        print("at", i, file=sys.stderr)
sys.stdout.write("y" * 300000 + "\n")
