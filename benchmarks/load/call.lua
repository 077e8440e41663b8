-- One chat completion, over and over, for wrk. BENCH_REQUEST names a folder with the request's headers and body.
-- The request stays static, so wrk formats it once; what was measured is printed as one line of JSON.

local folder = os.getenv("BENCH_REQUEST")

wrk.method = "POST"
for line in io.lines(folder .. "/headers") do
   local name, value = line:match("^([^:]+): (.*)$")
   wrk.headers[name] = value
end
local body = assert(io.open(folder .. "/body", "rb"))
wrk.body = body:read("*a")
body:close()

function done(summary, latency, requests)
   local wrong = summary.errors
   io.write(string.format(
      'measured {"answers":%d,"micros":%d,"p50":%d,"p99":%d,"bad_status":%d,"broken":%d,"late":%d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      wrong.status, wrong.connect + wrong.read + wrong.write, wrong.timeout))
end
