// Much output, on both streams.
for (let i = 0; i < 20000; i++) {
    console.log(i, (i * 2654435761 >>> 0).toString(16), "x".repeat(i % 60));
    if (i % 1000 === 0) std.err.printf("at %d\n", i);
}
std.out.puts("y".repeat(300000) + "\n");
