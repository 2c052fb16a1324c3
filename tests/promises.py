"""What paper trading promises, and the figures of the run at hand: tests note them, the suite ends with the table.

`BARCAST_LONG=1` gives the tests their full sizes; `scripts/torture promises` is that. A row whose tests did not run says so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

LONG = os.environ.get("BARCAST_LONG", "") not in ("", "0")


@dataclass
class Promise:
    """One row: what is promised, the figures it needs, those there are, and what a full run must reach."""

    words: str
    needs: tuple[str, ...]
    least: dict[str, int] = field(default_factory=dict)  # of a full run
    told: dict[str, int | str] = field(default_factory=dict)


PROMISES: dict[str, Promise] = {
    "same tape": Promise(
        "the same tape gives the same digest in backtest, session, and after any number of crashes",
        ("backtests_held_against_sessions", "sessions_that_crashed", "crashes", "processes_killed_with_9", "digests_that_differ"),
    ),
    "kill": Promise(
        "nothing acknowledged is lost when the process is killed",
        ("crash_images", "rows_lost", "real_kills_as_the_model_says", "real_kills_from_outside", "kills_that_left_something_else"),
        {"crash_images": 1_000, "real_kills_as_the_model_says": 50},
    ),
    "power": Promise(
        "... or when the power goes",
        ("states_after_a_power_cut", "rows_lost_to_it", "states_after_a_second_crash", "rows_lost_to_that", "states_that_lose_rows_once_the_syncs_are_left_out"),
        {"states_after_a_power_cut": 10_000},
    ),
    "damage": Promise(
        "a torn, truncated, flipped or deleted journal is noticed",
        ("bytes", "flips", "cuts", "files_deleted", "refused", "beyond_the_witness", "in_one_of_two_slots", "unnoticed"),
    ),
    "one order": Promise(
        "never two live orders for one intent",
        ("seeds", "orders_lost_delayed_or_answered_twice", "kills", "fills", "seeds_that_kept_it", "wrong_senders_caught"),
        {"seeds": 1_000},
    ),
    "every bar": Promise(
        "every expected bar is used once and in order, or a recorded gap blocks entries",
        ("seeds", "bars", "gaps", "late", "corrections", "tapes_that_are_the_sources_truth", "wrong_assemblers_caught"),
    ),
    "frames": Promise(
        "the clients behind the feeds are the real ones; their frames on loopback",
        ("captured", "documented", "made"),
    ),
    "disk": Promise(
        "disk full, failing or read-only: trading stops, says why, loses nothing",
        ("calls_that_failed", "kinds_of_error", "states_after_a_failed_sync", "rows_lost", "real_disks_full_or_limited"),
    ),
    "gate": Promise(
        "orders beyond limits cannot leave",
        ("wild_sessions", "orders_of_these", "beyond_a_limit", "mutants_of_the_gate", "of_these_caught"),
    ),
    "soak": Promise(
        "memory and handles stay flat",
        ("slices", "MB_grown", "handles_grown", "slices_a_second"),
        {"slices": 525_600},
    ),
    "planted": Promise(
        "planted bugs are caught",
        ("caught_in_sessions", "of_those_planted_there", "in_the_journal", "in_the_step"),
    ),
    "security": Promise(
        "nobody but the page's owner is answered, and no secret is written anywhere",
        ("requests_that_must_be_refused", "of_these_refused", "bytes_searched_for_secrets", "secrets_found", "hostile_words_shown_as_words"),
    ),
    "faults": Promise("the list of faults, F01 to F72", ("covered", "not_applicable", "open")),
}  # fmt: skip


def size(short: int, long: int) -> int:
    """How much of something a test does: the suite's share, or all of it."""
    return long if LONG else short


def note(promise: str, **figures: int | str) -> None:
    """Figures of a test that has held; numbers of the same name add up."""
    told = PROMISES[promise].told
    for name, value in figures.items():
        assert name in PROMISES[promise].needs, f"{promise} has no figure {name}"
        value = value if isinstance(value, str) else int(value)
        before = told.get(name, 0)
        told[name] = before + value if isinstance(value, int) and isinstance(before, int) else value


def lines() -> list[str]:
    """The table: a promise, and under it its figures; promises of which no test ran are named at the end."""
    out, silent = [], []
    for name, promise in PROMISES.items():
        if not promise.told:
            silent.append(name)
            continue
        shown = [shown_as(need, promise.told[need]) for need in promise.needs if need in promise.told]
        missing = [need.replace("_", " ") for need in promise.needs if need not in promise.told]
        out += [promise.words, "    " + ", ".join(shown) + (f"; not run: {', '.join(missing)}" if missing else "")]
    return out + ([f"not run: {', '.join(silent)}"] if silent else [])


def shown_as(name: str, figure: int | str) -> str:
    """A figure and what it counts."""
    return f"{figure:,} {name.replace('_', ' ')}" if isinstance(figure, int) else f"{figure} {name.replace('_', ' ')}"


def short_of() -> list[str]:
    """What a full run lacks: figures that were not noted, and those below what was promised."""
    out = []
    for name, promise in PROMISES.items():
        out += [f"{name}: no figure for {need.replace('_', ' ')}" for need in promise.needs if need not in promise.told]
        for what, least in promise.least.items():
            got = promise.told.get(what, 0)
            if not isinstance(got, int) or got < least:
                out.append(f"{name}: {got} {what.replace('_', ' ')}, fewer than {least:,}")
    return out


def any_told() -> bool:
    return any(promise.told for promise in PROMISES.values())
