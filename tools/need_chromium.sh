#!/bin/sh
# The browser tests open maps in a Chromium that is already there; this finds or installs one.
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium for the browser tests …"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null && exit 0
fi
cat >&2 <<'TXT'
The browser tests need Chromium and there is none on the PATH.
Install it, then run make test again:
    Debian, Ubuntu   sudo apt-get install chromium
    Fedora           sudo dnf install chromium
    Arch             sudo pacman -S chromium
TXT
exit 1
