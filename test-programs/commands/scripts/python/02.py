# Exceptions that cross frames, are caught, chained, and at last not caught: a traceback and exit code 1.
class Broken(Exception):
    def __init__(self, part, *rest):
        super().__init__(part, *rest)
        self.part = part

def innermost(n):
    if n == 0:
        raise Broken("axle", 7)
    try:
        innermost(n - 1)
    finally:
        print("unwinding", n)

def outer():
    try:
        innermost(3)
    except Broken as error:
        print("caught", error.part, error.args)
        raise ValueError("outer failed") from error

try:
    outer()
except ValueError as error:
    print(repr(error), repr(error.__cause__))
try:
    raise ExceptionGroup("several", [KeyError("k"), OSError(2, "gone")])
except* OSError as group:
    print("os", group.exceptions)
except* KeyError as group:
    print("key", group.exceptions)
sys.stdout.flush()
outer()
