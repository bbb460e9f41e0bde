"""What the labs share: the experiment's definition, counting, concurrency, faults, rendering."""

from labkit.crowd import at_once
from labkit.experiment import Counts, Experiment
from labkit.fault_proxy import FaultProxy
from labkit.queries import count_queries

__all__ = ["Counts", "Experiment", "FaultProxy", "at_once", "count_queries"]
