# Text beyond ASCII.
import unicodedata
text = "Grüße, мир, 世界, 🎉 e\u0301"
print(text, len(text), text.upper(), text[::-1])
print(text.encode("utf-8").hex(), text.encode("utf-16-le")[:8])
print(unicodedata.normalize("NFC", text) == text, [unicodedata.name(c, "?") for c in "é世🎉"])
print(re.findall(r"\w+", text), re.split(r"(?<=,)\s", text))
print("ß".casefold(), "İ".lower(), "%r" % "\ud800", ascii(text))
try:
    b"\xff\xfe".decode("utf-8")
except UnicodeDecodeError as error:
    print(error)
print(f"{'中':>4}|{3.14159:.2f}|{255:#x}|{1234567:,}|{text!a:.20}")
