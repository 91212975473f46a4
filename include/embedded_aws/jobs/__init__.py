"""The state machines of jobs: how their documents begin, and every change allowed to them."""
