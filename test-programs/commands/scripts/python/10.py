# Errors from below: recursion, memory, warnings, nested evaluation, the collector, a traceback as text.
import gc, traceback, warnings, weakref

def down(n):
    return 1 + down(n + 1)

try:
    down(0)
except RecursionError as error:
    print("recursion:", str(error)[:32])
try:
    bytearray(1 << 31)
except (MemoryError, OverflowError) as error:
    print(type(error).__name__)

class Node:
    pass

a, b = Node(), Node()
a.other, b.other = b, a
gone = weakref.ref(a, lambda _: print("collected"))
del a, b
print(gc.collect() > 0, gone())
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    warnings.warn("careful", DeprecationWarning)
print([str(w.message) for w in seen])
scope = {"value": 20}
exec(compile("def scaled(n):\n    return value * n / (n - 3)\n", "<inner>", "exec"), scope)
print(scope["scaled"](4), eval("[v * 2 for v in range(4)]"))
try:
    scope["scaled"](3)
except ZeroDivisionError:
    print(traceback.format_exc().replace("^", ""))
print(sum(len(str(i)) for i in range(100000)))
del gone
raise SystemExit("last words")
