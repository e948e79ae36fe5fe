"""`python -m preinit`: the command."""

import os
import subprocess
import sys

from preinit import binary


def main() -> int:
    """Runs the command with this process's arguments and returns its exit code."""
    command = [binary(), *sys.argv[1:]]
    if os.name == "posix":
        os.execv(command[0], command)
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
