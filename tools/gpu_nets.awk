# From the JSON of `limbic bench net` to the table of nets that gpu_check.sh writes: a line for each setting of PyTorch,
# or one without any. One key a line, as `limbic --json` prints.
BEGIN {
  print "| net | ms | PyTorch | its ms | ratio |"
  print "| --- | --- | --- | --- | --- |"
}
/^ *"[a-z_]+": / {
  key = $1; gsub(/[":]/, "", key)
  value = $0; sub(/^[^:]*: /, "", value); gsub(/^"|"?,?$/, "", value); is[key] = value
}
/^ *},?$/ && "setting" in is {
  printf "| %s | %.3f | %s | %.3f | %.2f |\n", is["what"], is["limbic_ms"], is["setting"], is["ms"], is["ms"] / is["limbic_ms"]
  delete is["setting"]
  raced = 1
  next
}
/^ *},?$/ && "what" in is {
  if (!raced) printf "| %s | %.3f | | | |\n", is["what"], is["limbic_ms"]
  delete is["what"]
  raced = 0
}
