#!/usr/bin/env bash
# Ten kernels under Nsight Compute, beside what the emulator counts of them:  tools/gpu_counters.sh LIMBIC
# Sectors a request of device memory and bank conflicts of shared memory, on the shapes of tests/counts/shapes.txt,
# where tests/counts/default_rungs.csv has the emulator's. Prints a JSON array. Exit codes: 0; 3 no ncu, or it may not
# read the counters here (it says why on stderr); 1 it read them, but not of every kernel.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
limbic=$1
kernels='
conv2d fwd v4_tensor_core_3xtf32 conv2d_v4
conv2d dw v4_tensor_core_3xtf32 conv2d_v4
matmul fwd v4_tensor_core_3xtf32 matmul_v4
batch_norm apply v2_chunks batch_norm_apply_v2
grid_sample fwd v1_naive grid_sample_fwd_v1
lstm fwd v3_persistent lstm_fwd_v3
attention fwd v2_block attention_fwd_v2
softmax fwd v2_warp softmax_fwd_v2
copy fwd v1_naive copy_fwd_v1
stft fwd v2_fft stft_fwd_v2'
# cp.async has counters of its own, through the L1 cache and past it; a chip without one of these is not asked for it.
cp_async=pipe_lsu_mem_global_op_ldgsts_cache
wanted="l1tex__t_requests_pipe_lsu_mem_global_op_ld l1tex__t_sectors_pipe_lsu_mem_global_op_ld
l1tex__t_requests_pipe_lsu_mem_global_op_st l1tex__t_sectors_pipe_lsu_mem_global_op_st
sm__sass_l1tex_t_requests_${cp_async}_access sm__sass_l1tex_t_sectors_${cp_async}_access
sm__sass_l1tex_t_requests_${cp_async}_bypass sm__sass_l1tex_t_sectors_${cp_async}_bypass
l1tex__data_bank_conflicts_pipe_lsu_mem_shared"

if ! command -v ncu >/dev/null; then
  echo "gpu_counters: no ncu here" >&2
  exit 3
fi
known=$(ncu --query-metrics 2>&1)
metrics=""
for metric in $wanted; do
  grep -q "^$metric " <<<"$known" && metrics+=${metrics:+,}$metric.sum
done
if [ -z "$metrics" ]; then
  echo "gpu_counters: ncu knows no counters here: $(head -n 1 <<<"$known")" >&2
  exit 3
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
objects="" missed=0
while read -r op pass rung kernel; do
  [ -n "$op" ] || continue
  shape=$(sed -n "s/^$op //p" tests/counts/shapes.txt)
  ncu --csv --clock-control none --print-units base --metrics "$metrics" --kernel-name "regex:^$kernel\$" \
    --launch-count 1 "$limbic" kernels run "$op" "$rung" --pass "$pass" --shape "$shape" --device cuda \
    </dev/null >"$work/ncu.csv" 2>"$work/ncu.err"
  if object=$(awk -v op="$op" -v pass="$pass" -v rung="$rung" -v kernel="$kernel" -v shape="$shape" \
    -f tools/gpu_counters.awk tests/counts/default_rungs.csv "$work/ncu.csv"); then
    objects+=${objects:+,$'\n'}$object
  else
    why=$(grep -h '==ERROR==' "$work/ncu.csv" "$work/ncu.err" | head -n 1)
    echo "gpu_counters: $op $pass $rung, $kernel: $why" >&2
    missed=1
    [ -n "$objects" ] || break # refused: the other nine would be too
  fi
done <<<"$kernels"
printf '[\n%s\n]\n' "$objects"
[ -n "$objects" ] || exit 3
exit $missed
