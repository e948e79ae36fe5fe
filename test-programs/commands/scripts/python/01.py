# What was imported before the script was read.
print(json.dumps({"b": [1, 2.5, None, True], "a": {"nested": "x\ty"}}, sort_keys=True))
print(json.loads('{"π": [1e3, -0.5, "\\u00e9"]}'))
counts = collections.Counter("mississippi")
print(counts.most_common(2), sum(counts.values()))
print(re.sub(r"(\w+)@(\w+)\.com", r"\2 at \1", "ann@example.com, bob@test.com"))
print(sorted(sys.modules)[:5], len(sys.argv))
