-- What wrk sends: the query with the variables of a file, a line for each request, from a line on.
--
-- BODY_HEAD is the body up to the variables, VARIABLES the file, START the first line, CHECK looks into each answer.
local head, check = os.getenv("BODY_HEAD"), os.getenv("CHECK")
local requests, place = {}, tonumber(os.getenv("START") or "0")
for line in io.lines(os.getenv("VARIABLES")) do requests[#requests + 1] = line end

request = function()
  place = place % #requests + 1
  return wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, head .. requests[place] .. "}")
end

-- wrk runs this in a thread's own world: only what is printed comes out of it.
if check then
  response = function(status, _, body)
    if status ~= 200 or body:find('"errors"', 1, true) then
      print("wrong " .. status .. " " .. body:sub(1, 300))
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
