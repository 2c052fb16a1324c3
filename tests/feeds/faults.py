"""The faults a live session must bear, F01 to F72, and the test that shows each; `open` says what is not yet done."""

from __future__ import annotations

C, A, X, L = (
    "tests/feeds/test_conformance.py",
    "tests/feeds/test_assembler.py",
    "tests/feeds/test_exchanges.py",
    "tests/feeds/test_alpaca.py",
)
S, B, W = "tests/feeds/test_schedule.py", "tests/brokers/test_alpaca_paper.py", "tests/brokers/test_one_order.py"
E, V = "tests/feeds/test_line.py", "tests/feeds/test_watching.py"
JC, JF, JD = "tests/journal/test_crash.py", "tests/journal/test_faults.py", "tests/journal/test_damage.py"

COVERED: dict[str, tuple[str, str, str]] = {  # id -> (the fault, file, test)
    "F01": ("reset in the middle of a frame", C, "test_a_broken_line_is_dialled_again_and_what_was_missed_is_fetched"),
    "F02": ("clean close", C, "test_a_broken_line_is_dialled_again_and_what_was_missed_is_fetched"),
    "F03": ("connected but mute", C, "test_a_mute_line_is_dialled_again"),
    "F04": ("the handshake is never answered", E, "test_a_server_that_never_answers_the_handshake_is_given_up"),
    "F05": ("login refused", L, "test_a_refused_login_is_not_tried_again"),
    "F06": ("connection limit", L, "test_what_time_can_mend_is_tried_again"),
    "F07": ("login timed out", L, "test_what_time_can_mend_is_tried_again"),
    "F08": ("partial subscription", L, "test_a_subscription_that_is_silently_incomplete_is_noticed"),
    "F09": ("slow client", L, "test_what_time_can_mend_is_tried_again"),
    "F10": ("429 on backfill", X, "test_patience_that_the_exchange_asks_for_is_kept"),
    "F11": ("500, 502, 504 of REST", C, "test_rest_that_fails_is_asked_again"),
    "F12": ("HTML instead of JSON", C, "test_rest_that_fails_is_asked_again"),
    "F13": (
        "half a frame, bad msgpack, bad text (frames over 10 MB were not tried)",
        C,
        "test_rubbish_on_the_stream_costs_no_bar",
    ),
    "F14": ("unknown message types", C, "test_rubbish_on_the_stream_costs_no_bar"),
    "F15": ("the daily forced disconnect", C, "test_a_broken_line_is_dialled_again_and_what_was_missed_is_fetched"),
    "F16": ("flapping", C, "test_a_flapping_line_leaks_nothing_and_waits_longer_and_longer"),
    "F17": (
        "nobody listens (names that do not resolve and expired certificates take the same road and were not tried)",
        E,
        "test_a_host_that_is_not_there_is_said_in_one_line",
    ),
    "F18": ("a snapshot that overlaps", X, "test_a_snapshot_after_dialling_again_overlaps_without_harm"),
    "F20": ("exact duplicate", A, "test_the_same_bar_twice_is_one_bar"),
    "F21": ("duplicate with other values", A, "test_a_correction_before_the_close_is_used_and_told"),
    "F22": ("correction after the decision", C, "test_a_correction_after_the_close_is_told_and_not_given_again"),
    "F23": ("correction older than the memory", A, "test_a_correction_older_than_the_memory_is_refused_and_counted"),
    "F24": ("out of order", A, "test_bars_out_of_order_are_put_in_order"),
    "F25": ("a missing minute", C, "test_a_bar_that_only_rest_has_is_fetched"),
    "F26": ("a minute without a trade", C, "test_a_minute_without_a_trade_is_empty_and_no_gap"),
    "F27": ("a gap that REST lacks too", A, "test_rest_that_reaches_not_far_enough_leaves_a_gap"),
    "F28": (
        "backfill differs from the stream",
        A,
        "test_a_question_includes_the_bar_before_so_that_answers_can_be_compared",
    ),
    "F29": (
        "the forming candle from REST",
        C,
        "test_history_comes_first_oldest_first_and_the_forming_bar_is_not_in_it",
    ),
    "F30": ("a bar of the future", A, "test_a_bar_that_cannot_be_is_rejected_with_its_reason"),
    "F31": ("a bar of the past", A, "test_a_bar_that_cannot_be_is_rejected_with_its_reason"),
    "F32": ("NaN, infinite, negative prices", A, "test_a_bar_that_cannot_be_is_rejected_with_its_reason"),
    "F33": ("crossed bars", A, "test_a_bar_that_cannot_be_is_rejected_with_its_reason"),
    "F34": ("impossible volumes", A, "test_a_bar_that_cannot_be_is_rejected_with_its_reason"),
    "F35": (
        "a price of another unit, a split that nobody announced (from `jump` times the last close on; less is taken for a move)",
        V,
        "test_genuinely_bad_files_are_held_back_where_they_are_bad_and_their_repaired_twins_nowhere",
    ),
    "F36": ("a feed that repeats its bar", V, "test_a_feed_that_repeats_its_bar_is_held_back_from_the_third_time_on"),
    "F37": ("a name that is renamed or delisted", V, "test_a_name_that_has_no_bar_for_long_is_told_once_with_its_last"),
    "F38": (
        "halt and reopening, as minutes without a trade (a source's status messages are not asked for)",
        V,
        "test_a_halted_name_trades_nothing_and_its_stop_meets_the_reopening",
    ),
    "F39": ("a handler fails in the middle of a frame", L, "test_one_unreadable_bar_costs_no_other_bar_of_its_frame"),
    "F40": ("ten thousand bars at once", L, "test_a_burst_of_ten_thousand_bars_is_one_bar_each"),
    "F41": (
        "seconds, milliseconds, nanoseconds",
        C,
        "test_bars_are_named_by_their_close_and_stand_in_the_universes_order",
    ),
    "F42": ("open or close label", C, "test_bars_are_named_by_their_close_and_stand_in_the_universes_order"),
    "F43": ("clocks go forward and back", S, "test_clocks_go_forward_and_the_session_moves_an_hour_in_utc"),
    "F44": ("half day", S, "test_a_half_day_ends_at_one_and_the_next_bar_is_mondays"),
    "F45": ("a closure out of turn", S, "test_a_day_of_mourning_has_no_bars"),
    "F46": ("lunch break", A, "test_a_minute_that_rest_confirms_empty_blocks_nothing"),
    "F47": ("crypto's midnight", S, "test_crypto_rolls_its_day_at_midnight_and_never_rests"),
    "F48": ("the clock jumps", A, "test_a_clock_that_jumps_back_closes_nothing_twice"),
    "F49": ("the machine sleeps", A, "test_while_nothing_is_known_slices_wait_for_the_line_to_come_back"),
    "F51": ("start on a weekend", S, "test_a_session_begun_on_sunday_waits_for_monday"),
    "F52": (
        "no answer to an order",
        B,
        "test_an_outcome_that_is_not_known_is_said_to_be_so_and_the_library_sends_once",
    ),
    "F53": (
        "504 repeated by the library",
        B,
        "test_an_outcome_that_is_not_known_is_said_to_be_so_and_the_library_sends_once",
    ),
    "F54": ("the id is taken", B, "test_an_id_that_is_taken_is_told_apart_from_a_refusal"),
    "F55": ("the answer is lost", W, "test_no_intent_ever_has_two_live_orders"),
    "F56": ("fills repeated, out of order, partial", W, "test_no_intent_ever_has_two_live_orders"),
    "F58": ("the venue holds something else", B, "test_positions_and_orders_that_are_not_ours_are_found_and_block"),
    "F59": ("no buying power, not tradable", B, "test_an_id_that_is_taken_is_told_apart_from_a_refusal"),
    "F60": ("fills unseen", W, "test_no_intent_ever_has_two_live_orders"),
    "F61": ("REST hangs for ever", B, "test_an_outcome_that_is_not_known_is_said_to_be_so_and_the_library_sends_once"),
    "F62": (
        "too many orders, or too large ones",
        "tests/brokers/test_session_broker.py",
        "test_the_outbound_gate_refuses",
    ),
    "F63": ("kill -9 at each system call", JC, "test_a_kill_at_any_call_of_a_writer_loses_nothing_acknowledged"),
    "F64": ("the power goes", JC, "test_a_power_cut_at_any_call_of_a_writer_loses_nothing_acknowledged"),
    "F65": ("disk full, quota, read-only", JF, "test_an_error_of_the_disk_stops_the_writer_and_says_what_is_safe"),
    "F66": ("EIO of sync, write and read", JF, "test_every_call_of_a_writer_may_fail_with_every_error"),
    "F67": ("torn, flipped, truncated, deleted", JD, "test_every_flipped_byte_is_refused_or_beyond_the_witness"),
    "F68": (
        "two processes on one session, a lock left by a crash",
        "tests/journal/test_writers.py",
        "test_a_second_writer_is_refused_until_the_first_is_dead",
    ),
    "F69": (
        "a crash during a migration; a newer schema",
        "tests/journal/test_migrating.py",
        "test_a_crash_during_a_migration_leaves_the_old_one_and_no_copy_or_a_whole_one",
    ),
    "F70": ("restart with another file or model", "tests/live/test_restart.py", "test_another_file_is_refused"),
    "F71": (
        "SIGTERM, Ctrl-C, SIGHUP, no memory, no handles, no room",
        "tests/live/test_ending.py",
        "test_a_session_that_runs_out_of_handles_memory_or_room_goes_on_after_a_restart_with_the_same_digest",
    ),
    "F72": (
        "a model that is gone, damaged, slow, or gives NaN",
        "tests/live/test_ending.py",
        "test_a_model_that_is_gone_or_damaged_is_refused_in_one_line_and_one_that_gives_nan_has_no_view",
    ),
}
NOT_APPLICABLE: dict[str, str] = {
    "F19": "a session has one feed",
    "F50": "times are counted in ns since 1970, which know no leap seconds, and no source sends 23:59:60",
    "F57": "the mirror cancels nothing: market orders of a slice are over before the next",
}
OPEN: dict[str, str] = {}


def table() -> str:
    """The list as Markdown."""
    rows = ["| id | fault | |", "|---|---|---|"]
    told = {key: (what, f"covered: {test.replace('_', ' ')}") for key, (what, _, test) in COVERED.items()}
    told |= {key: ("", f"not applicable: {why}") for key, why in NOT_APPLICABLE.items()}
    told |= {key: ("", f"open: {why}") for key, why in OPEN.items()}
    rows += [f"| {key} | {what} | {state} |" for key, (what, state) in sorted(told.items())]
    return "\n".join(rows)
