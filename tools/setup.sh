#!/usr/bin/env bash
# Installs the Debian packages that limbic is built, tested and documented with; does nothing where they are there.
set -euo pipefail
packages=(
  g++ cmake ninja-build pkg-config git                          # build
  libfmt-dev libcli11-dev nlohmann-json3-dev                    # text, options, JSON
  libtomlplusplus-dev                                           # recipes
  libsvm-dev                                                    # support-vector machines of `limbic fuse`
  libavformat-dev libavcodec-dev libavutil-dev libswresample-dev # sound out of any clip
  libswscale-dev libopencv-objdetect-dev libopencv-imgproc-dev libopencv-dnn-dev libglx-dev opencv-data # and faces
  libhdf5-dev libaec-dev zlib1g-dev libssl-dev                  # weights, and their names
  libseccomp-dev                                                # the confined reader
  catch2 ffmpeg gdb                                             # tests, the clips they make, a page they follow
)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
echo "installing: ${missing[*]}" >&2
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
