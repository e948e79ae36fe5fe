"""Rust for WASI where rustup has no target for it: Debian's rustc-web, unpacked, and a standard library built from source."""

import contextlib
import os
import shutil
import subprocess

from expectations import Missing

TARGET = "wasm32-wasip1"
PACKAGES = ["rustc-web", "rust-web-src", "libstd-rust-web-dev", "lld-22", "wasi-libc"]


@contextlib.contextmanager
def where_it_is_needed(folder):
    """`cargo build --target wasm32-wasip1` works within."""
    given = dict(os.environ)
    if not has_target():
        os.environ.update(unpacked(folder))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(given)


def has_target():
    """Whether the rustc on PATH has the target."""
    if not shutil.which("rustc"):
        return False
    command = ["rustc", "--print", "target-libdir", "--target", TARGET]
    libraries = subprocess.run(command, text=True, capture_output=True).stdout.strip()
    return os.path.isdir(libraries) and any(os.scandir(libraries))


def unpacked(folder):
    """The environment in which cargo uses Debian's Rust."""
    root = folder / "root"
    if not root.exists():
        download(folder, root)
    libraries = root / "usr/lib/rustlib" / TARGET / "lib/self-contained"
    libraries.mkdir(parents=True, exist_ok=True)
    for file in (root / "usr/lib/wasm32-wasi").iterdir():
        shutil.copy(file, libraries)
    linkers = root / "usr/lib/llvm-22/bin"
    if not (linkers / "rust-lld").exists():
        (linkers / "rust-lld").symlink_to("lld")
    return {
        "RUSTC": str(root / "usr/bin/rustc"),
        "RUSTC_BOOTSTRAP": "1",
        "CARGO_UNSTABLE_BUILD_STD": "std,panic_abort",
        "LD_LIBRARY_PATH": str(root / "usr/lib/x86_64-linux-gnu"),
        "PATH": os.pathsep.join([str(linkers), os.environ["PATH"]]),
    }


def download(folder, root):
    """Debian's packages, and what they are linked to, unpacked: they cannot be installed beside another Rust."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        std = depended_on("libstd-rust-web-dev", "libstd-rust-web-")
        packages = [*PACKAGES, std, depended_on(std, "libllvm")]
        subprocess.run(["apt-get", "download", "-qq", *packages], cwd=folder, check=True, capture_output=True)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(package), str(root)], check=True)
    except (OSError, subprocess.CalledProcessError, StopIteration) as error:
        raise Missing(f"Rust's target {TARGET} (rustup target add {TARGET}), or Debian's rustc-web: {error!r}") from error


def depended_on(package, beginning):
    """The package of that name that another one depends on."""
    done = subprocess.run(["apt-cache", "depends", package], text=True, capture_output=True, check=True)
    names = (line.split("Depends: ")[1] for line in done.stdout.splitlines() if "Depends: " in line)
    return next(name for name in names if name.startswith(beginning))
