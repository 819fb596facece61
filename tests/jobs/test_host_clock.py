"""A host clock that was an hour ahead and is put right, under the real processes of `make run`."""

import time
from pathlib import Path

from tests.jobs.test_stack import ALWAYS, new_campaign, sink_sender
from tests.servers import SmtpSink
from tests.stack import ROOT, running_stack

# What Python runs first in each process of the stack: the worker door's clock, shifted by what a file says.
SHIFTED = """
from datetime import timedelta
from pathlib import Path
from jobs import workshop

real, ahead = workshop.utcnow, Path({path!r})
workshop.utcnow = lambda: real() + timedelta(seconds=float(ahead.read_text()))
"""


def test_work_goes_on_within_half_a_minute_of_putting_the_clock_right(tmp_path: Path, smtp_sink: SmtpSink) -> None:
    ahead = tmp_path / "ahead"
    ahead.write_text("3600")
    (tmp_path / "sitecustomize.py").write_text(SHIFTED.format(path=str(ahead)))
    with running_stack(PYTHONPATH=f"{tmp_path}:{ROOT}") as stack:
        stack.sign_up()
        sender = sink_sender(stack, smtp_sink)
        stack.api("POST", f"/campaigns/{new_campaign(stack, 'early', sender, ALWAYS, 3)}/launch")
        smtp_sink.wait_for(3)
        late = new_campaign(stack, "late", sender, ALWAYS, 3)
        ahead.write_text("0")
        put_right = time.monotonic()
        stack.api("POST", f"/campaigns/{late}/launch")
        mails = smtp_sink.wait_for(6, 30)
        assert mails[-1].at - put_right < 30
        assert sorted(smtp_sink.recipients) == sorted(
            f"p{n}@{name}.test" for n in range(3) for name in ("early", "late")
        )
        assert "The clock was put back by about" in stack.said
