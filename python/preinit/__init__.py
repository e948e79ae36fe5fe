"""The command `preinit`, which pre-initializes WebAssembly modules."""

from __future__ import annotations

import os
import sys
import sysconfig

__all__ = ["binary"]


def binary() -> str:
    """The absolute path of the command. Raises FileNotFoundError if it is not installed."""
    name = "preinit" + (sysconfig.get_config_var("EXE") or "")
    folders = [sysconfig.get_path("scripts"), sysconfig.get_path("scripts", _user_scheme())]
    # With `pip install --target FOLDER`, the command is in FOLDER/bin.
    folders.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bin"))
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    raise FileNotFoundError(f"{name} is in none of {', '.join(folders)}: install the package preinit again")


def _user_scheme() -> str:
    """Where `pip install --user` installs."""
    if sys.version_info >= (3, 10):
        return sysconfig.get_preferred_scheme("user")
    if os.name == "nt":
        return "nt_user"
    framework = sys.platform == "darwin" and sys._framework
    return "osx_framework_user" if framework else "posix_user"
