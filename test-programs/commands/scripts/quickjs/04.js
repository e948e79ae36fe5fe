// An exit code, with output still buffered.
std.out.puts("leaving");
std.err.puts("on the way out\n");
try { std.exit(3); } finally { console.log("never"); }
