"""Tasking: the LinkedIn steps that a person does, one after another, and what they say of each."""

from campaigns.tasking.outcomes import OUTCOMES, REASON, Outcome, last_settled, settle, undo
from campaigns.tasking.queue import HELD_FOR, Entry, Filter, count, find_step, listed, open_count, take, task_of
from campaigns.tasking.sweeping import sweep

__all__ = [
    "HELD_FOR",
    "OUTCOMES",
    "REASON",
    "Entry",
    "Filter",
    "Outcome",
    "count",
    "find_step",
    "last_settled",
    "listed",
    "open_count",
    "settle",
    "sweep",
    "take",
    "task_of",
    "undo",
]
