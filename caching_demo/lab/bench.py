"""All benchmarks of this demo: `make bench DEMO=caching_demo`, and ONLY= for one of them."""

from functools import partial
from typing import Any

from lab import bench_hit, bench_pages, bench_stampede, bench_tier
from lab.bench_trace import MEGABYTES, OFF, PRODUCTS
from labkit.bench import Benchmark

MANY: Any = {"rounds": 21, "round_seconds": 0.1}  # a busy machine disturbs a few of them, and the median is of the others
FEW: Any = {"rounds": 5, "round_seconds": 0.01}  # one stampede a round

benchmarks = {
    "hit": Benchmark("What does a hit cost, above the round trip?", bench_hit.RAW, bench_hit.hits, **MANY),
    "stampede_cold": Benchmark(
        "200 at once for a page that was never there: how long do 99 of 100 wait at most?",
        bench_stampede.OURS,
        partial(bench_stampede.stampedes, is_stale=False),
        **FEW,
    ),
    "stampede_stale": Benchmark(
        "200 at once for a page that has just expired: how long do 99 of 100 wait at most?",
        bench_stampede.OURS,
        partial(bench_stampede.stampedes, is_stale=True),
        **FEW,
    ),
    "page": Benchmark("Product pages a second, all of them hits.", bench_pages.NAIVE, bench_pages.pages, **MANY),
    "trace": Benchmark(
        f"Product pages a second, of {PRODUCTS:,} products by Zipf's law, with {MEGABYTES} MB for the store.",
        OFF,
        bench_pages.zipf,
        rounds=7,
        round_seconds=0.3,
    ),
    "tier": Benchmark(
        "A second of memory, or of the client's, in front of Redis.", bench_tier.OURS, bench_tier.tiers, rounds=5, round_seconds=0.2
    ),
    "many": Benchmark("Many pages at once.", bench_tier.ONE_BY_ONE, bench_tier.many, rounds=5, round_seconds=0.2),
}
