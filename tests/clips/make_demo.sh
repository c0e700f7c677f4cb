#!/usr/bin/env bash
# Makes demo.mp4, the clip that ships with limbic: a synthetic voice (espeak-ng, no person was recorded) speaking a RAVDESS
# sentence, high and fast, as 48 kHz AAC beside a small test picture. Free of any licence.
set -euo pipefail
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
espeak-ng -v en-us+f3 -p 85 -s 150 -a 180 -w "$tmp/voice.wav" "Dogs are sitting by the door!"
ffmpeg -v error -y -f lavfi -i color=c=0x203040:s=160x120:r=10:d=3.6 -i "$tmp/voice.wav" \
  -filter_complex "[1:a]adelay=700,apad=whole_dur=3.6,volume=0.5[a]" -map 0:v -map "[a]" -t 3.6 \
  -c:v libx264 -preset veryslow -crf 40 -pix_fmt yuv420p -c:a aac -b:a 48k -ar 48000 -ac 1 \
  -fflags +bitexact -flags:v +bitexact -flags:a +bitexact -map_metadata -1 demo.mp4
