#!/usr/bin/env bash
# CNN-14 itself, full width, in five folds of actors:  tools/gpu_train.sh LOG_MELS [OUT] [OPTIONS]
# LOG_MELS is what `limbic data log-mel ravdess_speech -o ravdess.logmel` writes (34 MB), so that the machine with the GPU
# needs no FFmpeg, HDF5 or OpenCV, nor the clips. Builds as tools/gpu_check.sh does, follows nets/recipes/cnn14_folds.toml
# with `limbic cv` on --device cuda (or emu, cpu), in bf16 but on the cpu (--precision f32: in f32), and leaves in OUT
# (default: build/gpu_train)
#   card.md                          the result, and what it was computed with and on
#   result.json                      the same for programs
#   posteriors.csv, embeddings.csv   of every clip, by the fold that has not heard its actor
#   fold-0 ...                       weights, logs, checkpoints
# A run that was stopped (Ctrl-C, kill, the end of a lease) goes on with the same command, to the same bits. OPTIONS are
# those of `limbic cv`, e.g. --set train.epochs=2. LIMBIC_PROGRAM names a limbic that is built already.
# Exit codes: those of `limbic cv`, so 6 where the device is not there, 143 after a signal.
set -euo pipefail
if [ $# = 0 ] || [ "$1" = --help ]; then
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
  [ $# != 0 ] || exit 2
  exit
fi
log_mels=$1 out="$(dirname "$0")/../build/gpu_train" device=cuda
shift
if [ ! -f "$log_mels" ]; then
  echo "gpu_train: $log_mels: found no file, expected what \`limbic data log-mel\` writes" >&2
  exit 3
fi
case ${1:--} in -*) ;; *) out=$1 && shift ;; esac
options_of_cv=("$@")
while [ $# -gt 0 ]; do
  case $1 in --device) device=${2:-} ;; --device=*) device=${1#*=} ;; esac
  shift
done
case " ${options_of_cv[*]-} " in *" --device"[\ =]*) ;; *) options_of_cv+=(--device cuda) ;; esac
log_mels=$(realpath "$log_mels") out=$(realpath -m "$out") limbic=${LIMBIC_PROGRAM:+$(realpath "$LIMBIC_PROGRAM")}
cd "$(dirname "$0")/.."

if [ -z "$limbic" ]; then
  source tools/gpu_build.sh
  if [ "$device" != cuda ]; then options+=(-DLIMBIC_CUDA=emu) build=build/gpu_emu; fi
  mkdir -p "$build"
  if ! { cmake -S . -B "$build" "${options[@]}" && cmake --build "$build" --target limbic --parallel "$(nproc)"; } \
    >"$build/build.log" 2>&1; then
    end_without_gpu "$build/build.log"
    tail -n 30 "$build/build.log" >&2
    exit 1
  fi
  limbic=$build/limbic
fi

case " ${options_of_cv[*]-} " in
  *" --precision"[\ =]* | *train.precision=*) ;;
  *) [ "$device" = cpu ] || options_of_cv+=(--precision bf16) ;;
esac
start=$SECONDS precision=f32
case "${options_of_cv[*]}" in
  *precision[\ =]bf16*) precision="bf16: maps and their gradients; sums, weights and their gradients in f32" ;;
  *tf32* | *bf16*) precision="f32, kernels as the options say" ;;
esac
echo "gpu_train: $device, precision $precision, into $out" >&2
said=$(mktemp)
trap 'rm -f "$said"' EXIT
set -m # a group of its own: a signal to this group reaches it once, by the trap; it ends its step and saves
"$limbic" cv nets/recipes/cnn14_folds.toml --data "$log_mels" --out "$out" --embeddings "${options_of_cv[@]}" >"$said" &
trap 'trap "" INT TERM HUP; kill -TERM $! 2>/dev/null' INT TERM HUP
set +m
code=0
wait $! || code=$?
while kill -0 $! 2>/dev/null; do
  code=0
  wait $! || code=$?
done
[ $code = 0 ] || exit $code
{
  printf '# CNN-14 from log-mels, in folds of actors\n\n| | |\n| --- | --- |\n'
  printf '| program | %s |\n' "$("$limbic" --version)"
  printf '| device | %s%s |\n' "$device" \
    "$("$limbic" doctor | awk -v device="$device" '$1 == device { $1 = $2 = ""; sub(/^ +/, ", "); print }')"
  printf '| precision | %s |\n' "$precision"
  printf '| log-mels | %s, SHA-256 %s |\n' "$(basename "$log_mels")" "$(sha256sum "$log_mels" | cut -d' ' -f1)"
  printf '| recipe | nets/recipes/cnn14_folds.toml %s |\n' "${options_of_cv[*]}"
  printf '| seconds | %d, of the last visit |\n' $((SECONDS - start))
  printf '\n```\n%s\n```\n' "$(cat "$said")"
} >"$out/card.md.unfinished"
mv "$out/card.md.unfinished" "$out/card.md"
echo "gpu_train: $out/card.md, posteriors.csv, embeddings.csv" >&2
