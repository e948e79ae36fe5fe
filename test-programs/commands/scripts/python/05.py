# Files, first touched after the freeze.
import os
with open("/app/notes.txt", encoding="utf-8") as notes:
    lines = notes.read().splitlines()
print(len(lines), lines)
print(os.path.getsize("/app/notes.txt"), os.path.exists("/app/none"))
print([name for name in sorted(os.listdir("/app")) if name.endswith(".txt")])
with open("/app/notes.txt", "rb") as notes:
    notes.seek(-9, 2)
    print(notes.read(), notes.tell())
try:
    open("/app/none")
except FileNotFoundError as error:
    print(error)
