# What Nsight Compute counted of one kernel beside what the emulator counts of it, as an object of JSON, one key a line.
#   awk -v op=softmax -v pass=fwd -v rung=v2_warp -v kernel=softmax_fwd_v2 -v shape=rows=64,C=527 -f tools/gpu_counters.awk
#     tests/counts/default_rungs.csv NCU_CSV
# NCU_CSV is what `ncu --csv --metrics` printed: among other lines a header and a line a metric, every value in quotes.
# Exit code 1: ncu counted nothing of that kernel, or the emulator's table has no line for it.
FNR == NR {  # kernel,read requests,sectors a read,write requests,sectors a write,shared requests,conflicts a request,...
  split($0, emulated, ",")
  split(emulated[1], called, " ")  # "conv2d fwd v4 (conv2d_v4<pass; ...": op, pass, rung, kernel
  name = called[4]
  gsub(/^\(|<.*|;$/, "", name)
  if (called[1] == op && called[2] == pass && called[3] == rung && name == kernel) {
    found = 1
    reads = emulated[3] + 0; writes = emulated[5] + 0; conflicts = emulated[6] * emulated[7]
  }
  next
}
/^"/ {
  gsub(/^"|"\r?$/, "")
  n = split($0, field, "\",\"")
  if (/Metric Name/) {
    for (i = 1; i <= n; ++i) column[field[i]] = i
  } else if ("Metric Value" in column) {
    value = field[column["Metric Value"]]
    gsub(/,/, "", value)  # of thousands
    metric = field[column["Metric Name"]]
    gsub(/^.*mem_(global|shared)_?|\.sum$/, "", metric)
    is[(field[column["Metric Name"]] ~ /requests/ ? "requests " : field[column["Metric Name"]] ~ /sectors/ ? "sectors " : "conflicts ") metric] += value
    ++counted
  }
}
function per_request(how, other_1, other_2) {
  requests = is["requests " how] + is["requests " other_1] + is["requests " other_2]
  return requests ? (is["sectors " how] + is["sectors " other_1] + is["sectors " other_2]) / requests : 0
}
END {
  if (!found || !counted) exit 1
  printf "{\n \"op\": \"%s\",\n \"pass\": \"%s\",\n \"rung\": \"%s\",\n \"kernel\": \"%s\",\n \"shape\": \"%s\",\n", op, pass, rung, kernel, shape
  printf " \"sectors_a_read\": %.3f,\n \"emulated_sectors_a_read\": %.3f,\n", per_request("op_ld", "op_ldgsts_cache_access", "op_ldgsts_cache_bypass"), reads
  printf " \"sectors_a_write\": %.3f,\n \"emulated_sectors_a_write\": %.3f,\n", per_request("op_st"), writes
  printf " \"bank_conflicts\": %.0f,\n \"emulated_bank_conflicts\": %.0f\n}\n", is["conflicts "], conflicts
}
