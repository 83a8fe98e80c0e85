#!/usr/bin/env bash
# Unpacks Debian's Prometheus, Alertmanager and Chromium below .venv/tools, for `make monitor` and for tests. It needs
# apt-get but no root, and does not change the system. Without apt-get, programs on the PATH are used.
set -euo pipefail

VENV=${VENV:-.venv}
TOOLS=$(realpath "$VENV")/tools
PACKAGES=(prometheus prometheus-alertmanager chromium fonts-dejavu-core)

if ! command -v apt-get >/dev/null; then
  echo "apt-get is missing: make monitor and some tests use prometheus, promtool, alertmanager and chromium from the PATH"
  exit 0
fi
echo "unpacking Prometheus, Alertmanager and Chromium into $TOOLS"
rm -rf "$TOOLS"
mkdir -p "$TOOLS"/{bin,root,debs,apt/lists/partial,apt/cache/archives/partial}
# Use separate package lists: the system's may be missing, and updating them needs root.
apt() { apt-get -qq -o Dir::State::Lists="$TOOLS/apt/lists" -o Dir::Cache="$TOOLS/apt/cache" -o APT::Sandbox::User=root "$@"; }
apt update
# These packages, and their dependencies that the system lacks.
mapfile -t needed < <(apt install --print-uris --no-install-recommends -y "${PACKAGES[@]}" | sed -nE "s/.* ([^_ ]+)_[^ ]*\.deb .*/\1/p")
for package in "${PACKAGES[@]}"; do # installed packages are skipped: their programs are on the PATH
  dpkg -s "$package" >/dev/null 2>&1 || needed+=("$package")
done
mapfile -t needed < <(printf '%s\n' "${needed[@]}" | sort -u)
(cd "$TOOLS/debs" && apt download "${needed[@]}")
for deb in "$TOOLS"/debs/*.deb; do dpkg-deb -x "$deb" "$TOOLS/root"; done
rm -rf "$TOOLS/debs" "$TOOLS/apt"

cat >"$TOOLS/fonts.conf" <<FONTS
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig><dir>$TOOLS/root/usr/share/fonts</dir><dir>/usr/share/fonts</dir><cachedir>$TOOLS/font-cache</cachedir></fontconfig>
FONTS
LIBRARIES=$TOOLS/root/usr/lib/$(uname -m)-linux-gnu
for program in prometheus promtool amtool; do
  [ -x "$TOOLS/root/usr/bin/$program" ] && ln -sf "$TOOLS/root/usr/bin/$program" "$TOOLS/bin/$program"
done
if [ -x "$TOOLS/root/usr/bin/prometheus-alertmanager" ]; then
  # Debian compiled in its templates folder. Replace it with a path of the same length that means the working folder.
  templates=/usr/share/prometheus/alertmanager
  LC_ALL=C sed "s#$templates#$(printf './%.0s' {1..17})#g" "$TOOLS/root/usr/bin/prometheus-alertmanager" >"$TOOLS/root/alertmanager"
  cat >"$TOOLS/bin/alertmanager" <<ALERTMANAGER
#!/bin/sh
cd $TOOLS/root$templates && exec $TOOLS/root/alertmanager "\$@"
ALERTMANAGER
  chmod +x "$TOOLS/root/alertmanager" "$TOOLS/bin/alertmanager"
fi
if [ -x "$TOOLS/root/usr/lib/chromium/chromium" ]; then
  cat >"$TOOLS/bin/chromium" <<CHROMIUM
#!/bin/sh
export LD_LIBRARY_PATH=$LIBRARIES:$LIBRARIES/pulseaudio FONTCONFIG_FILE=$TOOLS/fonts.conf
exec $TOOLS/root/usr/lib/chromium/chromium "\$@"
CHROMIUM
  chmod +x "$TOOLS/bin/chromium"
fi
