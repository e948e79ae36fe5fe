// Files, first touched after the freeze.
const text = std.loadFile("/app/notes.txt");
console.log(text.length, text.split("\n").map(line => line.length).join(" "));
const file = std.open("/app/notes.txt", "r");
console.log(file.getline(), file.tell(), file.seek(-9, std.SEEK_END), file.readAsString().trim(), file.eof());
file.close();
console.log(std.loadFile("/app/none"), std.open("/app/none", "r"));
console.log(os.readdir("/app")[0].filter(name => name.endsWith(".txt")).join());
const [stat, error] = os.stat("/app/notes.txt");
console.log(stat.size, error, os.stat("/app/none")[1] !== 0);
try { std.loadScript("/app/none.js"); } catch (error) { console.log(error.message); }
console.log(std.getenv("HOME"), scriptArgs.length);
