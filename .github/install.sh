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

version=${WANTED#v}
if [ -z "$version" ] && [[ "$REF" =~ ^v[0-9]+\.[0-9]+\.[0-9]+ ]]; then version=${REF#v}; fi
if [ -z "$version" ]; then
    tag=$(gh release view --repo "$REPOSITORY" --json tagName --jq .tagName)
    version=${tag#v}
fi

name=preinit-$version-$target
archive=$name.tar.gz
if [ "$RUNNER_OS" = Windows ]; then archive=$name.zip; fi
folder=$RUNNER_TEMP/preinit-$version
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
gh release download "v$version" --repo "$REPOSITORY" --pattern "$archive" --pattern SHA256SUMS
grep -F "  $archive" SHA256SUMS > wanted || {
    echo "::error::SHA256SUMS of v$version does not have $archive"
    exit 1
}
if command -v sha256sum >/dev/null; then sha256sum --check wanted; else shasum -a 256 --check wanted; fi
if [ "$RUNNER_OS" = Windows ]; then 7z x -bso0 "$archive"; else tar -xzf "$archive"; fi

echo "$folder/$name" >> "$GITHUB_PATH"
echo "version=$version" >> "$GITHUB_OUTPUT"
"$folder/$name/preinit" --version
