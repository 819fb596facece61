"""The same wake-up, given to engines that a team would otherwise pick. Each runs in `.venv-peers` by itself:
`python -m tests.bench.peers.NAME SLEEPERS ADDRESS` prints how long it took to put the sleepers to sleep, and from the
edit until each of them had looked at the new hours, as one line of JSON in seconds."""
