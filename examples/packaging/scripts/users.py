"""Writes the scripts of a thousand users into a folder: users.py FOLDER."""

import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
folder.mkdir()
for user in range(1000):
    (folder / f"user-{user:03}.js").write_text(f"""\
const prices = new Map();
for (let part = 0; part < 1000; part++) prices.set(`part ${{part}}`, {{ price: part * {user + 1}, name: `Part ${{part}}` }});
function handle(request) {{
    const found = prices.get(request.trim());
    return JSON.stringify(found ?? {{ user: {user}, unknown: request.trim() }});
}}
""")
