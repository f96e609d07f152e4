"""The actors of a job."""

from __future__ import annotations

from dataclasses import dataclass

import ray

from .._jobs.settings import DEFAULT_TOGETHER
from ..errors import InvalidRequestError

_BATCHES_AT_A_TIME = 2
"""Batches that an actor has begun: the texts of the next fill the places that the last leaves."""


@dataclass(frozen=True)
class Pool:
    """Number of actors, and of the threads of each. By default one actor on each machine uses all of its
    cores."""

    actors: int | tuple[int, int] | None = None
    """Number of actors, or the least and the most of a cluster that grows. Default: as many as fit."""
    threads: int | None = None
    """Threads of each actor, which Ray counts as its CPUs. Default: the cores of the smallest machine."""
    together: int = DEFAULT_TOGETHER
    """Texts that an actor speaks at the same time, which share each read of the weights."""
    rows_per_batch: int | None = None
    """Rows that an actor takes at a time. Default: four times ``together``, fewer in a small job."""

    def __post_init__(self) -> None:
        least, most = self._bounds()
        for name, number in (
            ("actors", least),
            ("threads", self.threads),
            ("together", self.together),
            ("rows_per_batch", self.rows_per_batch),
        ):
            if number is not None and number < 1:
                raise InvalidRequestError(f"{name} is {number}; expected at least 1")
        if least is not None and most is not None and most < least:
            raise InvalidRequestError(f"actors is {self.actors}; expected the least and the most")

    def _bounds(self) -> tuple[int | None, int | None]:
        return self.actors if isinstance(self.actors, tuple) else (self.actors, self.actors)

    def sized(self) -> SizedPool:
        """Returns the pool with the numbers that fit the cluster.

        Raises an :class:`InvalidRequestError` if not even one actor fits.
        """
        cores = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
        cores = [n for n in cores if n > 0]
        threads = self.threads or min(cores, default=0)
        fitting = sum(n // threads for n in cores) if threads else 0
        if self.actors is None and not fitting:
            raise InvalidRequestError(
                f"no machine of this Ray cluster has {threads or 1} CPUs (they have {cores}): set fewer "
                "threads, or the number of actors if the cluster grows"
            )
        least, most = self._bounds()
        return SizedPool(self, least or fitting, most or fitting, threads or 1)


@dataclass(frozen=True)
class SizedPool:
    """A pool with all of its numbers."""

    pool: Pool
    """The pool as it was asked for."""
    least: int
    """Least number of actors."""
    most: int
    """Most actors."""
    threads: int
    """Threads of each actor."""

    def strategy(self) -> ray.data.ActorPoolStrategy:
        """Returns how Ray Data starts the actors."""
        return ray.data.ActorPoolStrategy(
            min_size=self.least,
            max_size=self.most,
            max_tasks_in_flight_per_actor=2 * _BATCHES_AT_A_TIME,
            max_concurrent_calls_per_actor=_BATCHES_AT_A_TIME,
            enable_true_multi_threading=True,
        )

    def batch_size(self, rows: int) -> int:
        """Returns the number of rows of a batch: few enough that all actors have work to the end."""
        if self.pool.rows_per_batch:
            return self.pool.rows_per_batch
        share = -(-rows // (4 * self.most))
        return max(1, min(4 * self.pool.together, share))
