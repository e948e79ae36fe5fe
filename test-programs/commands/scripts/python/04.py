# An exit code, with handlers that run on the way out.
import atexit
atexit.register(lambda: print("at exit"))
try:
    print("leaving")
    sys.exit(3)
finally:
    print("finally", file=sys.stderr)
