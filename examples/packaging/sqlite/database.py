"""Makes products.db, 60,000 products of 40 shops with an index, in the folder that is named."""

import sqlite3
import sys
from pathlib import Path

SYLLABLES = ["ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu"]


def main(folder):
    folder.mkdir(exist_ok=True)
    file = folder / "products.db"
    file.unlink(missing_ok=True)
    database = sqlite3.connect(file)
    database.execute("CREATE TABLE shops (id INTEGER PRIMARY KEY, city TEXT)")
    database.execute("CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, price INTEGER, shop INTEGER)")
    seed = 1
    for number in range(60_000):
        name = ""
        for _ in range(3):
            seed = (seed * 1664525 + 1013904223) % 2**32
            name += SYLLABLES[(seed >> 8) % len(SYLLABLES)]
        database.execute("INSERT INTO products (name, price, shop) VALUES (?, ?, ?)", (name, seed % 100, number % 40))
    database.executemany("INSERT INTO shops VALUES (?, ?)", [(shop, f"City {shop}") for shop in range(40)])
    database.execute("CREATE INDEX by_name ON products (name)")
    database.commit()
    database.execute("VACUUM")
    database.close()


main(Path(sys.argv[1]))
