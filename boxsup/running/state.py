"""How far a run is: the jobs that Snakemake tells of, and the time that is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from boxsup.machine.bars import Reached, reached
from boxsup.running.words import doing, end_of
from boxsup.stages import SHARD, STAGES

SHORT = 5.0  # s that a job of a stage takes that is not timed on pages


@dataclass
class Job:
    """A job that runs or has run.

    Attributes:
        rule: Name of its rule.
        wildcards: Their values.
        logs: Paths of its logs.
        start: When it began, in seconds of a clock.
        failed: Whether it failed.
    """

    rule: str
    wildcards: Mapping[str, str]
    logs: list[str]
    start: float
    failed: bool = False

    @property
    def doing(self) -> str:
        """What it makes, in plain words."""
        return doing(self.rule, self.wildcards)

    def log(self) -> str:
        """The end of its log."""
        return end_of(self.logs[0]) if self.logs else ""

    def reached(self) -> Reached | None:
        """How far it is, by its log; None if that does not say."""
        found = reached(self.log())
        return found if found and found.total and found.done <= found.total else None


class TimeLeft(NamedTuple):
    """The seconds that are left, and whether they are all: no job is ahead whose time is not known."""

    seconds: float
    known: bool


@dataclass
class RunState:
    """What Snakemake has told.

    Attributes:
        before: Seconds of a job of each rule, as earlier runs took.
        cores: How many shards are worked on side by side.
        dry: Whether the jobs that Snakemake tells of would run, but do not: all of them are still to be done.
        planned: How many jobs of each rule there are.
        done: How many of them are done.
        running: The jobs that run, by Snakemake's number.
        failed: Those that failed.
        jobs: All jobs that Snakemake told of, in order; of a dry run, all that it would run.
        reasons: Snakemake's reasons for them.
        errors: Messages of errors that are no job's.
        idle: Whether Snakemake found nothing to do.
    """

    before: Mapping[str, float] = field(default_factory=dict)
    cores: int = 1
    dry: bool = False
    planned: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    running: dict[int, Job] = field(default_factory=dict)
    failed: list[Job] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    idle: bool = False
    _seconds: dict[str, list[float]] = field(default_factory=dict)

    def take(self, event: Mapping[str, Any], now: float) -> Job | None:
        """Take an event of the logger plugin.

        Returns:
            The job that ended with it, well or badly; None for most events.
        """
        kind = event["event"]
        if kind == "run_info":
            self.planned = Counter({rule: int(count) for rule, count in event["stats"].items() if rule != "total"})
            self.idle = not self.planned
        elif kind == "job_info":
            job = Job(event["rule_name"], event.get("wildcards", {}), list(event.get("log", [])), now)
            if not self.dry:
                self.running[int(event["jobid"])] = job
            self.jobs.append(job)
            self.reasons.append(str(event.get("reason", "")))
        elif kind == "job_finished":
            return self._ended(int(event["job_id"]), now)
        elif kind == "job_error":
            return self._failed(int(event["jobid"]), event)
        elif kind == "error" or (kind == "message" and event["level"] >= 40):
            self.errors.append(event["text"])
        elif kind == "message" and event["text"].startswith("Nothing to be done"):
            self.idle = True
        return None

    @property
    def counts(self) -> tuple[int, int]:
        """How many jobs are done, and of how many."""
        return self.done.total(), self.planned.total()

    @property
    def seen_before(self) -> bool:
        """Whether earlier runs tell the time of any planned job; a time that is known without them is a guess."""
        return any(rule in self.before for rule in self.planned)

    def time_left(self, now: float) -> TimeLeft:
        """The time that is left, as far as it is known."""
        total, known = 0.0, True
        running: dict[str, list[float]] = {}
        for job in self.running.values():
            running.setdefault(job.rule, []).append(self._left(job, now))
        for rule, count in self.planned.items():
            one = self._one(rule, now)
            current = running.get(rule, [])
            waiting = max(0, count - self.done[rule] - len(current))
            known = known and (one is not None or not waiting) and all(left >= 0 for left in current)
            ahead = sum(left for left in current if left >= 0) + waiting * (one or 0.0)
            total += ahead / (min(self.cores, len(current) + waiting) or 1) if _is_sharded(rule) else ahead
        return TimeLeft(total, known)

    def _ended(self, number: int, now: float) -> Job | None:
        job = self.running.pop(number, None)
        if job is not None:
            self.done[job.rule] += 1
            self._seconds.setdefault(job.rule, []).append(now - job.start)
        return job

    def _failed(self, number: int, event: Mapping[str, Any]) -> Job:
        rule, logs = event.get("rule_name", "a job"), list(event.get("log", []))
        job = self.running.pop(number, None) or Job(rule, {}, logs, 0.0)
        job.failed = True
        self.failed.append(job)
        return job

    def _left(self, job: Job, now: float) -> float:
        """Seconds that a running job still takes; -1 if that is not known."""
        passed, found = now - job.start, job.reached()
        if found and found.done:
            return passed * (found.total - found.done) / found.done
        one = self._one(job.rule)
        return -1.0 if one is None else max(0.0, one - passed)

    def _one(self, rule: str, now: float | None = None) -> float | None:
        """Seconds that a job of a rule takes: as in this run, as one that runs will, or as in earlier runs."""
        if own := self._seconds.get(rule):
            return sum(own) / len(own)
        if rule in self.before:
            return self.before[rule]
        if rule not in STAGES or STAGES[rule].local or not STAGES[rule].timed:
            return SHORT
        likes = [job for job in self.running.values() if job.rule == rule] if now is not None else []
        for job in likes:
            left = self._left(job, now or 0.0)
            if left >= 0:
                return (now or 0.0) - job.start + left
        return None


def _is_sharded(rule: str) -> bool:
    """Whether the jobs of a rule run side by side: one for each part of a split."""
    return rule in STAGES and STAGES[rule].logs == SHARD
