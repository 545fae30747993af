"""What `status` knows, as node_exporter's textfile collector reads it.

https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/practices/naming/
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from lolslackbot.health.facts import StageRuns
from lolslackbot.health.status import Status

Labels = dict[str, str]


class _Sample(NamedTuple):
    labels: Labels
    value: float


class _Metric(NamedTuple):
    """All are gauges: each may fall."""

    name: str  # without `lolslackbot_`
    help: str
    samples: Sequence[_Sample]


def as_prometheus(status: Status, version: str) -> str:
    """The whole file, with its last line ended. Left out: what there is nothing to say of."""
    return "".join(f"{line}\n" for metric in _metrics(status, version) if metric.samples for line in _lines(metric))


def _lines(metric: _Metric) -> Iterator[str]:
    name = f"lolslackbot_{metric.name}"
    yield f"# HELP {name} {metric.help}"
    yield f"# TYPE {name} gauge"
    for labels, value in metric.samples:
        pairs = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{{{pairs}}} {value:.17g}" if pairs else f"{name} {value:.17g}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _metrics(status: Status, version: str) -> Iterator[_Metric]:
    facts = status.facts
    yield _Metric("info", "The version at work.", [_Sample({"version": version}, 1)])
    yield _Metric("needs", "Things that need a person, as `status` names them.", [_Sample({}, len(status.needs))])
    yield _by_stage("last_run_timestamp_seconds", "When the last run of a stage began.", status, _began)
    yield _by_stage("last_run_duration_seconds", "How long the last run of a stage took.", status, _took)
    yield _by_stage("last_run_exit_status", "With what the last run of a stage ended.", status, _exit_status)
    yield _by_stage("last_success_timestamp_seconds", "When a run of a stage last ended with 0.", status, _succeeded)
    yield _Metric(
        "waiting", "What waits, or failed of late.", [_Sample({"what": what}, n) for what, n in facts.waiting.items()]
    )
    yield _Metric(
        "oldest_timestamp_seconds",
        "The oldest piece of work that waits; the oldest look at a player's list.",
        [_Sample({"what": what}, moment.timestamp()) for what, moment in _oldest(status) if moment],
    )
    in_force = [hold for hold in facts.holds if facts.in_force(hold)]
    scopes = sorted({(hold.scope.kind.value, hold.kind) for hold in in_force})
    yield _Metric(
        "holds",
        "What is held back, by kind.",
        [
            _Sample(
                {"scope": scope, "kind": kind},
                sum((hold.scope.kind.value, hold.kind) == (scope, kind) for hold in in_force),
            )
            for scope, kind in scopes
        ],
    )


def _oldest(status: Status) -> list[tuple[str, datetime | None]]:
    fresh = status.facts.freshness
    return [
        ("player list", fresh.longest_unasked_since),
        ("match wanted", fresh.wanted_since),
        ("message pending", fresh.waiting_since),
    ]


def _by_stage(name: str, told: str, status: Status, value: Callable[[StageRuns], float | None]) -> _Metric:
    values = ((stage, value(runs)) for stage, runs in status.facts.stages.items())
    return _Metric(name, told, [_Sample({"stage": stage}, number) for stage, number in values if number is not None])


def _began(runs: StageRuns) -> float | None:
    return runs.last.began_at.timestamp() if runs.last else None


def _took(runs: StageRuns) -> float | None:
    last = runs.last_ended
    return (last.ended_at - last.began_at).total_seconds() if last and last.ended_at else None


def _exit_status(runs: StageRuns) -> float | None:
    return runs.last_ended.exit_status if runs.last_ended else None


def _succeeded(runs: StageRuns) -> float | None:
    return runs.last_good_at.timestamp() if runs.last_good_at else None
