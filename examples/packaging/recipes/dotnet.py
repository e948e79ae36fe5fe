""".NET 10: tests/dotnet runs what its page says; here is only its row."""

ROW = {
    "runtime": ".NET 10 in JavaScript",
    "page": "dotnet.md",
    "package": "the SDK's own",
    "how": "under its own JavaScript; a module for WASI is not made by the SDK as it comes",
    "directory": "its own files",
}
