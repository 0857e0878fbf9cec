#!/usr/bin/env bash
# A screen that shows nothing but the kiosk page, and goes on showing it.
#
#     scripts/kiosk.sh [URL of the server, else http://127.0.0.1:8080]
#
# Opens Chromium on URL/kiosk.html, full screen, with microphone and camera allowed for
# that origin alone, and watches over it: the page counts up in its title, and when it has
# not for KIOSK_DEAD_S seconds, Chromium is ended and opened anew. Under systemd it feeds
# the watchdog (scripts/likeness-kiosk.service). Needs chromium and curl. The title is
# read at Chromium's debugging port, which programs of this machine can reach: let no
# others log in here.
#
# From the environment:
#   KIOSK_CONFIG    a JSON file for the page (README.md, client_web/kiosk/config.js); make
#                   it readable to the kiosk's user alone if it holds a key
#   KIOSK_QUERY     fields for the address: "languages=en,zh&presence=off"
#   KIOSK_CHROMIUM  else chromium, chromium-browser or google-chrome
#   KIOSK_FLAGS     more flags for it
#   KIOSK_PROFILE   its folder, emptied at each start; else in XDG_RUNTIME_DIR
#   KIOSK_DEAD_S    else 30
set -euo pipefail

url=${1:-http://127.0.0.1:8080}
url=${url%/}
dead_s=${KIOSK_DEAD_S:-30}
profile=${KIOSK_PROFILE:-${XDG_RUNTIME_DIR:-/tmp}/likeness-kiosk.$UID}
look_s=2
browser=

fail() { echo "kiosk.sh: $1" >&2; exit 2; }

case $url in
  https://* | http://localhost | http://localhost:* | http://127.0.0.1 | http://127.0.0.1:* | http://\[::1\]*) ;;
  http://*) fail "$url is not secure: browsers give it no microphone. Use https://, or run the server on this machine." ;;
  *) fail "$url is no address of http:// or https://" ;;
esac
[[ $url =~ ^(https?)://([^/:]+|\[[^]]+\])(:([0-9]+))?$ ]] || fail "$url: give the server's address without a path"
scheme=${BASH_REMATCH[1]} host=${BASH_REMATCH[2]} port=${BASH_REMATCH[4]}
[ -n "$port" ] || { [ "$scheme" = https ] && port=443 || port=80; }

chromium=${KIOSK_CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$chromium" ] || fail "no Chromium: apt-get install chromium, or name it in KIOSK_CHROMIUM"
command -v curl >/dev/null || fail "curl is missing: apt-get install curl"

# A folder of this user's own; whatever the last Chromium left in it goes.
prepare_profile() {
  rm -rf "$profile"
  (umask 077 && mkdir -p "$profile/Default")
  [ -O "$profile" ] || fail "$profile is not ours"
  # Microphone and camera for our origin; every other one is refused without asking.
  local ours="\"$scheme://$host:$port,*\": {\"setting\": 1}"
  cat >"$profile/Default/Preferences" <<JSON
{"profile": {"default_content_setting_values": {"media_stream_mic": 2, "media_stream_camera": 2,
  "notifications": 2, "geolocation": 2, "popups": 2},
 "content_settings": {"exceptions": {"media_stream_mic": {$ours}, "media_stream_camera": {$ours}}}},
 "translate": {"enabled": false}, "credentials_enable_service": false}
JSON
}

# The first page leads on to the kiosk's, with the configuration in a fragment, which no
# server is sent. It is a file, because other users can read a command line.
write_start() {
  local fragment=
  if [ -n "${KIOSK_CONFIG:-}" ]; then
    [ -r "$KIOSK_CONFIG" ] || fail "$KIOSK_CONFIG cannot be read"
    fragment="#config=$(base64 -w0 <"$KIOSK_CONFIG" | tr '+/' '-_' | tr -d '=')"
  fi
  local query=${KIOSK_QUERY:-}
  [[ $query =~ ^[A-Za-z0-9_.~%=\&,:/+-]*$ ]] || fail "KIOSK_QUERY: encode it as in an address"
  local target="$url/kiosk.html${query:+?${query//&/&amp;}}$fragment"
  (umask 077 && printf '<!doctype html><meta charset="utf-8"><title>Likeness kiosk starts</title><meta http-equiv="refresh" content="0; url=%s">\n' \
    "$target" >"$profile/start.html")
}

open_browser() {
  prepare_profile
  write_start
  # shellcheck disable=SC2086 # KIOSK_FLAGS is a list
  "$chromium" --kiosk "$profile/start.html" --user-data-dir="$profile" \
    --no-first-run --no-default-browser-check --noerrdialogs --disable-infobars \
    --hide-crash-restore-bubble --disable-session-crashed-bubble --disable-translate \
    --disable-component-update --disable-background-networking --disable-sync \
    --disable-features=Translate,MediaRouter,GlobalMediaControls \
    --autoplay-policy=no-user-gesture-required --disable-pinch \
    --overscroll-history-navigation=0 --password-store=basic \
    --remote-debugging-address=127.0.0.1 --remote-debugging-port=0 \
    ${KIOSK_FLAGS:-} >/dev/null 2>&1 &
  browser=$!
}

close_browser() {
  [ -n "$browser" ] || return 0
  kill "$browser" 2>/dev/null || true
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    kill -0 "$browser" 2>/dev/null || break
    sleep 0.2
  done
  kill -9 "$browser" 2>/dev/null || true
  wait "$browser" 2>/dev/null || true
  browser=
}

# The title of the page, which counts up; nothing while there is none.
title() {
  local debug
  debug=$(head -n1 "$profile/DevToolsActivePort" 2>/dev/null) || return 0
  curl -s -m 2 "http://127.0.0.1:$debug/json/list" 2>/dev/null |
    grep -o '"title": "Likeness kiosk [a-z]* [0-9]*"' | head -n1 || true
}

tell_systemd() {
  [ -z "${NOTIFY_SOCKET:-}" ] || timeout 3 systemd-notify --no-block "$@" || true
}

trap 'close_browser; rm -rf "$profile"; exit 0' TERM INT HUP
trap 'close_browser' EXIT
tell_systemd --ready --status="waits for $url"

while true; do
  # Without the server there would be an error page, which never comes back by itself.
  until curl -sf -m 3 -o /dev/null "$url/healthz"; do
    tell_systemd WATCHDOG=1
    sleep 1
  done
  open_browser
  echo "kiosk.sh: opened $url/kiosk.html"
  tell_systemd --status="shows $url/kiosk.html"
  last=
  seen=$SECONDS
  while kill -0 "$browser" 2>/dev/null; do
    now=$(title)
    if [ -n "$now" ] && [ "$now" != "$last" ]; then
      last=$now
      seen=$SECONDS
    fi
    if ((SECONDS - seen > dead_s)); then
      echo "kiosk.sh: the page has not moved for $dead_s s" >&2
      break
    fi
    tell_systemd WATCHDOG=1
    sleep "$look_s"
  done
  echo "kiosk.sh: opening Chromium anew" >&2
  close_browser
  sleep 1
done
