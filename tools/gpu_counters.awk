# What Nsight Compute counted of one kernel beside what the emulator counts of it, as an object of JSON, one key a line.
#   awk -v op=softmax -v pass=fwd -v rung=v2_warp -v kernel=softmax_fwd_v2 -v shape=rows=64,C=527 \
#     -f tools/gpu_counters.awk tests/counts/default_rungs.csv NCU_CSV
# NCU_CSV is what `ncu --csv --metrics` printed: among other lines a header and a line a metric, every value in quotes.
# Exit code 1: ncu counted nothing of that kernel, or the emulator's table has no line for it.
# The columns of default_rungs.csv: kernel,read requests,sectors a read,write requests,sectors a write,shared requests,
# conflicts a request,...
FNR == NR {
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
    name = metric = field[column["Metric Name"]]
    gsub(/^.*mem_(global|shared)_?|\.sum$/, "", metric)
    is[(name ~ /requests/ ? "requests " : name ~ /sectors/ ? "sectors " : "conflicts ") metric] += value
    ++counted
  }
}
function ratio(sectors, requests) { return requests ? sectors / requests : 0 }
END {
  if (!found || !counted) exit 1
  loads = is["requests op_ld"]; load_sectors = is["sectors op_ld"]
  copies = is["requests op_ldgsts_cache_access"] + is["requests op_ldgsts_cache_bypass"]
  copy_sectors = is["sectors op_ldgsts_cache_access"] + is["sectors op_ldgsts_cache_bypass"]
  printf "{\n \"op\": \"%s\",\n \"pass\": \"%s\",\n \"rung\": \"%s\",\n", op, pass, rung
  printf " \"kernel\": \"%s\",\n \"shape\": \"%s\",\n", kernel, shape
  # If a chip counts cp.async among the loads too, the ratio has it twice: the four numbers say so.
  printf " \"load_requests\": %.0f,\n \"load_sectors\": %.0f,\n", loads, load_sectors
  printf " \"cp_async_requests\": %.0f,\n \"cp_async_sectors\": %.0f,\n", copies, copy_sectors
  printf " \"sectors_a_read\": %.3f,\n", ratio(load_sectors + copy_sectors, loads + copies)
  printf " \"emulated_sectors_a_read\": %.3f,\n", reads
  printf " \"sectors_a_write\": %.3f,\n", ratio(is["sectors op_st"], is["requests op_st"])
  printf " \"emulated_sectors_a_write\": %.3f,\n", writes
  printf " \"bank_conflicts\": %.0f,\n \"emulated_bank_conflicts\": %.0f\n}\n", is["conflicts "], conflicts
}
