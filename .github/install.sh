#!/usr/bin/env bash
# The work of action.yml: downloads a release, checks it, and puts it on the PATH.
set -euo pipefail

case "$RUNNER_OS-$RUNNER_ARCH" in
Linux-X64) target=x86_64-unknown-linux-gnu ;;
Linux-ARM64) target=aarch64-unknown-linux-gnu ;;
macOS-X64) target=x86_64-apple-darwin ;;
macOS-ARM64) target=aarch64-apple-darwin ;;
Windows-X64) target=x86_64-pc-windows-msvc ;;
*)
    echo "::error::preinit has no release for $RUNNER_OS on $RUNNER_ARCH"
    exit 1
    ;;
esac
# Alpine's containers have musl.
if [ "$RUNNER_OS" = Linux ] && ldd --version 2>&1 | grep -qi musl; then target=${target/gnu/musl}; fi

# What is given becomes part of arguments, patterns and paths, and whoever calls the action may have it from somebody else. Nothing
# of it is printed: what comes after a line end could be a command to the runner.
if ! [[ "$REPOSITORY" =~ ^[0-9A-Za-z][0-9A-Za-z-]{0,38}/[0-9A-Za-z_.-]{1,100}$ ]]; then
    echo "::error::preinit: the repository is not one such as owner/name"
    exit 1
fi

version=${WANTED#v}
if [ -z "$version" ] && [[ "$REF" =~ ^v[0-9]+\.[0-9]+\.[0-9]+ ]]; then version=${REF#v}; fi
if [ -z "$version" ]; then
    tag=$(gh release view --repo "$REPOSITORY" --json tagName --jq .tagName)
    version=${tag#v}
fi

if ! [[ "$version" =~ ^[0-9]{1,5}\.[0-9]{1,5}\.[0-9]{1,5}(-[0-9A-Za-z.]{1,40})?$ ]]; then
    echo "::error::preinit: the version is not one such as 0.1.0 or 0.1.0-rc.1"
    exit 1
fi

name=preinit-$version-$target
archive=$name.tar.gz
if [ "$RUNNER_OS" = Windows ]; then archive=$name.zip; fi
folder=$(mktemp -d "$RUNNER_TEMP/preinit-XXXXXXXX")
cd "$folder"
gh release download "v$version" --repo "$REPOSITORY" --pattern "$archive" --pattern SHA256SUMS
# The whole line: one of another name may have this one in it.
if ! grep -xE "[0-9a-f]{64}  ${archive//./\\.}" SHA256SUMS > wanted; then
    echo "::error::SHA256SUMS of v$version does not have $archive"
    exit 1
fi
if command -v sha256sum >/dev/null; then sha256sum --check wanted; else shasum -a 256 --check wanted; fi
if [ "$RUNNER_OS" = Windows ]; then 7z x -bso0 "$archive"; else tar -xzf "$archive"; fi

echo "$folder/$name" >> "$GITHUB_PATH"
echo "version=$version" >> "$GITHUB_OUTPUT"
"$folder/$name/preinit" --version
