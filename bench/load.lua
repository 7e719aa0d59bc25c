-- wrk script: sends one query with variables from a file, one line per request, starting at a given line.
--
-- BODY_HEAD is the request body up to the variables, VARIABLES the file, and START the first line. If CHECK is set, the
-- script stops at the first response with an error.
local head, check = os.getenv("BODY_HEAD"), os.getenv("CHECK")
local requests, position = {}, tonumber(os.getenv("START") or "0")
for line in io.lines(os.getenv("VARIABLES")) do requests[#requests + 1] = line end

request = function()
  position = position % #requests + 1
  return wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, head .. requests[position] .. "}")
end

-- wrk runs this function in the Lua state of a thread, from which only printed output is available.
if check then
  response = function(status, _, body)
    if status ~= 200 or body:find('"errors"', 1, true) then
      print("unexpected response: " .. status .. " " .. body:sub(1, 300))
      wrk.thread:stop()
    end
  end
end

done = function(summary, latency)
  local errors = summary.errors
  print(string.format('{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "bytes": %d, "failed": %d}', summary.requests,
    summary.duration, latency:percentile(50), latency:percentile(99), summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
