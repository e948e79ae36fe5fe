"""Writes 5,000 words, one a line, into the file that is named."""

import sys
from pathlib import Path

SYLLABLES = ["ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu"]


def words(count):
    """Words that look as if they were a language's."""
    seed = 1
    for _ in range(count):
        word = ""
        for _ in range(2 + seed % 3):
            seed = (seed * 1664525 + 1013904223) % 2**32
            word += SYLLABLES[(seed >> 8) % len(SYLLABLES)]
        yield word


Path(sys.argv[1]).write_text("\n".join(words(5_000)) + "\n")
