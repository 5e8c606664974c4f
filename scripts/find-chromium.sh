#!/usr/bin/env bash
# Prints the path of a Chromium or Chrome, or nothing. $CHROMIUM, where set, wins.
for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable \
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
  [ -n "$name" ] && command -v "$name" 2>/dev/null && exit
done
exit 0
